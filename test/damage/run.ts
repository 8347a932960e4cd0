import { openGguf } from "../../src/formats/gguf/index.ts";
import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { bytesSource, inspect, loadPhi, PhiError, type Source } from "../../src/index.ts";
import { randomSource } from "../random.ts";
import { DAMAGES } from "./damages.ts";
import type { Below } from "./edit.ts";
import { isGguf, readNaively } from "./naive.ts";
import type { Subject } from "./subjects.ts";

/** One damaged checkpoint, and what became of it. */
export interface Outcome {
  /** "gptq: model.safetensors: a huge length or count" */
  what: string;
  /** "loads", or class and code of the error: "FormatError safetensors_hole". */
  result: string;
  /** Bytes that were read, over those that its files have, whole or damaged. */
  readShare: number;
}

const bytesOf = (files: ReadonlyMap<string, Uint8Array>): number =>
  [...files.values()].reduce((n, file) => n + file.length, 0);

/** Ids that every subject's vocabulary has. */
const IDS = [1, 5, 9];

/**
 * Damages a file of a subject, looks at the checkpoint with `inspect`, loads it and runs it once.
 * @returns undefined where the damage finds nothing to damage
 * @throws Error for what must not be: an error that is no PhiError, a message of several lines, `inspect` and `loadPhi` that do not agree, or a
 * file that is read otherwise than the format's description says
 */
export async function damageOnce(subject: Subject, damage: string, seed: number): Promise<Outcome | undefined> {
  const random = randomSource(seed);
  const below: Below = (n) => Math.floor(random() * n);
  // Of a model with an adapter, the adapter.
  const { adapter } = subject;
  const damaged = adapter ?? subject.files;
  const name = [...damaged.keys()][below(damaged.size)];
  const whole = damaged.get(name) as Uint8Array;
  const bytes = DAMAGES[damage](whole, name, below);
  if (bytes === undefined) return undefined;
  const what = `${subject.name}: ${name}: ${damage} (seed ${seed})`;
  const changed = new Map(damaged).set(name, bytes);
  const files = adapter ? subject.files : changed;
  try {
    const { result, read } = await use(files, adapter && changed);
    const readShare = read / (bytesOf(subject.files) + Math.max(bytesOf(damaged), bytesOf(changed)));
    if (result === "loads" && /\.(safetensors|gguf)$/.test(name)) await compare(bytes, changed);
    return { what, result, readShare };
  } catch (error) {
    throw new Error(`${what}: ${error}`, { cause: error });
  }
}

type Files = ReadonlyMap<string, Uint8Array>;

async function use(files: Files, adapter: Files | undefined): Promise<{ result: string; read: number }> {
  const [source, read] = counting(bytesSource(files));
  const adapters = adapter && { some: bytesSource(adapter) };
  const found = await typed(() => inspect(source, { adapters }));
  const loaded = await typed(async () => {
    const phi = await loadPhi(source, { threads: 1, contextSize: 16, adapters });
    try {
      const logits = await phi.forward(IDS);
      if (logits.length !== phi.config.vocabSize) throw new Error(`${logits.length} logits`);
    } finally {
      await phi.dispose();
    }
  });
  if ("value" in found && "value" in loaded && !found.value.loads)
    throw new Error(`it loads, though inspect says: ${found.value.faults[0].message}`);
  const result = "error" in loaded ? `${loaded.error.name} ${loaded.error.code}` : "loads";
  return { result, read: read() };
}

/** What `run` gives, or its PhiError. @throws whatever else it throws, and for a message that is no short line */
async function typed<T>(run: () => Promise<T>): Promise<{ value: T } | { error: PhiError }> {
  try {
    return { value: await run() };
  } catch (error) {
    if (!(error instanceof PhiError)) throw error;
    if (error.message.length > 1000 || /[\n\u001b]/.test(error.message)) throw new Error(`a message: ${error.message}`);
    return { error };
  }
}

function counting(source: Source): [Source, () => number] {
  let bytes = 0;
  const counted: Source = {
    list: () => (source.list as () => Promise<string[]>)(),
    async open(name, options) {
      const file = await source.open(name, options);
      return {
        size: file.size,
        read(offset, length, into) {
          bytes += length;
          return file.read(offset, length, into);
        },
      };
    },
  };
  return [counted, () => bytes];
}

/** Holds what the library reads of a file that it takes against a reader that trusts the file. */
async function compare(bytes: Uint8Array, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const { meaning } = readNaively(bytes);
  const opened = isGguf(bytes) ? await openGguf(bytesSource(files)) : await openSafetensors(bytes);
  for (const [name, { bytes: expected }] of meaning) {
    const got = await opened.read(name);
    if (got.length !== expected.length || got.some((byte, i) => byte !== expected[i]))
      throw new Error(`tensor ${name} is read otherwise than it stands in the file`);
  }
}
