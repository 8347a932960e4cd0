import type { Notice } from "../../../errors.ts";
import { fault } from "../fault.ts";
import type { GgufTensor } from "../layout.ts";
import type { Gguf } from "../open.ts";
import { architectureOf, scaleNotice, windowOf } from "./config.ts";
import { Fields } from "./fields.ts";
import { headsOf, inHubOrder } from "./llama-rows.ts";
import { hubName } from "./names.ts";

/** The tensors of a file under Hugging Face's names, and what its user should know of the configuration that was made for it. */
export interface GgufWeights extends Pick<Gguf, "tensors" | "readInto" | "toFloat32" | "close"> {
  readonly container: "gguf";
  readonly notices: readonly Notice[];
}

/** Where a tensor lies: in which of the file, and from which of its bytes on. */
interface Place {
  name: string;
  start: number;
}

/**
 * The weights of a checkpoint by the names that config.json's model gives them, with their rows in its order. Experts that lie in one tensor are
 * one each.
 * @throws ConfigError (code "architecture"); FormatError (gguf_duplicate) if two tensors mean the same
 */
export function ggufWeights(gguf: Gguf): GgufWeights {
  const fields = new Fields(gguf);
  const arch = architectureOf(fields);
  const tensors = new Map<string, GgufTensor>();
  const places = new Map<string, Place>();
  const add = (info: GgufTensor, place: Place) => {
    if (tensors.has(info.name)) {
      throw fault("duplicate", {
        what: `it means the same as ${places.get(info.name)?.name}`,
        file: info.file,
        tensor: place.name,
      });
    }
    tensors.set(info.name, info);
    places.set(info.name, place);
  };
  for (const info of gguf.tensors.values()) {
    const name = hubName(arch, info.name);
    if (name === undefined) continue;
    if (!name.includes("*")) {
      add({ ...info, name }, { name: info.name, start: 0 });
      continue;
    }
    const [experts, ...shape] = info.shape;
    const byteLength = info.byteLength / experts;
    for (let e = 0; e < experts; e++) {
      const start = e * byteLength;
      const expert = { ...info, name: name.replace("*", `${e}`), shape, byteLength, offset: info.offset + start };
      add(expert, { name: info.name, start });
    }
  }
  const { notice } = windowOf(fields, arch);
  const find = (name: string): Place => places.get(name) ?? { name, start: 0 };
  const reordered = new Map<string, ReturnType<typeof inHubOrder>>();
  for (const [name, info] of tensors) {
    const heads = headsOf(fields, arch, info);
    if (heads === undefined) continue;
    const theirs = find(name).name;
    reordered.set(
      name,
      inHubOrder(info, heads, (offset, into) => gguf.readInto(theirs, offset, into)),
    );
  }
  return {
    tensors,
    container: "gguf",
    notices: [notice, scaleNotice(gguf, arch)].filter((n) => n !== undefined),
    readInto(name, offset, into) {
      const own = reordered.get(name);
      return own ? own.readInto(offset, into) : gguf.readInto(find(name).name, find(name).start + offset, into);
    },
    async toFloat32(name) {
      const whole = await gguf.toFloat32(find(name).name);
      const info = tensors.get(name);
      if (!info) return whole;
      const own = reordered.get(name);
      if (own) return own.floats(whole);
      const n = info.shape.reduce((product, d) => product * d, 1);
      const first = (find(name).start / info.byteLength) * n;
      return n === whole.length ? whole : whole.slice(first, first + n);
    },
    close: () => gguf.close(),
  };
}
