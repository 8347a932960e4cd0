import {
  type Below,
  encode,
  fieldsOf,
  HUGE,
  inEntries,
  inTensor,
  inText,
  isJson,
  isWeights,
  overwrite,
  pick,
  replaced,
  STRANGE,
  text,
} from "./edit.ts";
import { isGguf, readNaively } from "./naive.ts";

/** One kind of damage: the bytes of a file with it, or undefined where that file has nothing to damage so. */
export type Damage = (bytes: Uint8Array, name: string, below: Below) => Uint8Array | undefined;

/** Every class of damage by its name. */
export const DAMAGES: Readonly<Record<string, Damage>> = {
  "cut at a boundary": (bytes, name, below) => {
    const fields = isWeights(name) ? readNaively(bytes).fields : [];
    const { at, bytes: n } = fields.length > 0 ? pick(fields, below) : { at: below(bytes.length), bytes: 0 };
    return bytes.slice(0, Math.max(0, at + pick([0, n], below) + below(3) - 1));
  },
  "cut anywhere": (bytes, _, below) => bytes.slice(0, below(bytes.length)),
  "bytes behind the end": (bytes, _, below) => {
    const out = new Uint8Array(bytes.length + 1 + below(64));
    out.set(bytes);
    return out;
  },
  "bits flipped in the header": (bytes, name, below) => {
    const end = isWeights(name) ? readNaively(bytes).header : bytes.length;
    const out = bytes.slice();
    for (let n = 1 + below(4); n > 0; n--) out[below(end)] ^= 1 << below(8);
    return out;
  },
  "bits flipped anywhere": (bytes, _, below) => {
    const out = bytes.slice();
    for (let n = 1 + below(16); n > 0; n--) out[below(out.length)] ^= 1 << below(8);
    return out;
  },
  "a place copied over another": (bytes, _, below) => {
    const out = bytes.slice();
    const [from, n] = [below(out.length), 1 + below(256)];
    return out.copyWithin(below(out.length), from, from + n);
  },
  "a huge length or count": (bytes, name, below) =>
    isWeights(name)
      ? overwrite(bytes, pick(fieldsOf(bytes, ["length", "count"]), below), pick(HUGE, below))
      : undefined,
  "a huge number in the text": (bytes, name, below) =>
    inText(bytes, name, (json) => {
      const numbers = [...json.matchAll(/(?<=[[,:] ?)\d+(?=[\],}])/g)];
      if (numbers.length === 0) return undefined;
      const { index, 0: old } = pick(numbers, below);
      return `${json.slice(0, index)}${pick(HUGE, below)}${json.slice(index + old.length)}`;
    }),
  "an offset or a shape of another": (bytes, name, below) => {
    if (isGguf(bytes)) {
      const fields = fieldsOf(bytes, ["dim", "offset"]);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const other = view.getBigUint64(pick(fields, below).at, true);
      return overwrite(bytes, pick(fields, below), below(2) ? other : pick(HUGE, below));
    }
    return inEntries(bytes, name, (entries) => {
      const [a, b] = [pick(entries, below)[1], pick(entries, below)[1]];
      if (below(2)) a.data_offsets = b.data_offsets;
      else a.shape = b.shape;
    });
  },
  "another dtype": (bytes, name, below) => {
    if (isGguf(bytes)) return overwrite(bytes, pick(fieldsOf(bytes, ["type"]), below), BigInt(below(40)));
    return inEntries(bytes, name, (entries) => {
      pick(entries, below)[1].dtype = pick(
        ["F32", "F16", "BF16", "I32", "U8", "F8_E4M3", "I64", "BOOL", "f32", "", 3],
        below,
      );
    });
  },
  "a tensor less, or one under another name": (bytes, name, below) => {
    if (isGguf(bytes)) {
      const { at, bytes: n } = pick(fieldsOf(bytes, ["text"]), below);
      return overwrite(bytes, { at: at + below(n), bytes: 1 }, BigInt(97 + below(26)));
    }
    return inEntries(bytes, name, (entries) => {
      const i = below(entries.length);
      if (below(2)) entries.splice(i, 1);
      else
        entries[i] = [pick([`${entries[i][0]}x`, "", "__proto__", "\ud800", "model.layers.0.x"], below), entries[i][1]];
    });
  },
  "no UTF-8": (bytes, name, below) => {
    const texts = isWeights(name) ? fieldsOf(bytes, ["text"]) : [{ at: 0, bytes: bytes.length }];
    const { at, bytes: n } = pick(texts, below);
    return overwrite(bytes, { at: at + below(n), bytes: 1 }, BigInt(pick([0xff, 0xc0, 0x80, 0xed], below)));
  },
  "lists nested deep": (bytes, name, below) => {
    const depth = pick([300, 5000, 100_000], below);
    const deep = pick(["[", '{"a":'], below);
    const closed = deep.repeat(depth) + (below(2) ? `1${(deep === "[" ? "]" : "}").repeat(depth)}` : "");
    return inText(bytes, name, (json) =>
      below(2) ? closed : json.replace(/[:,] ?(?=[[{"\d])/, (m) => `${m}${closed}`),
    );
  },
  "a key twice": (bytes, name) =>
    inText(bytes, name, (json) => {
      const [, key] = /^\s*\{\s*("[^"]*"\s*:\s*("[^"]*"|\{[^{}]*\}|\d+))/.exec(json) ?? [];
      return key === undefined ? undefined : `{${key},${json.trim().slice(1)}`;
    }),
  "a value of another kind": (bytes, name, below) => {
    if (!isJson(name) || bytes.length > 100_000) return undefined;
    return encode(JSON.stringify(replaced(JSON.parse(text(bytes)), below, () => pick(STRANGE, below))));
  },
  "another group size, or other bits": (bytes, name, below) => {
    if (name !== "config.json" && name !== "quantize_config.json") return undefined;
    const json = text(bytes);
    const found = [
      ...json.matchAll(
        /"(group_size|bits|num_bits|q_group_size|strategy|desc_act|sym|symmetric|version|checkpoint_format)": ?("?)[^",}\n]+\2/g,
      ),
    ];
    if (found.length === 0) return undefined;
    const { index, 0: old, 1: key } = pick(found, below);
    const value = pick(
      [-1, 0, 1, 16, 32, 33, 64, 96, 1e9, -32, null, true, false, "x", "gemv", "channel", "gptq_v2"],
      below,
    );
    return encode(`${json.slice(0, index)}"${key}": ${JSON.stringify(value)}${json.slice(index + old.length)}`);
  },
  "a config that disagrees with the tensors": (bytes, name, below) => {
    if (name !== "config.json") return undefined;
    const config = JSON.parse(text(bytes)) as Record<string, unknown>;
    const numbers = Object.keys(config).filter((key) => typeof config[key] === "number");
    const key = pick(numbers, below);
    const old = config[key] as number;
    config[key] = pick([old + 1, old * 2, old / 2, old - 1, 0, -old, 1024, 2 ** 31 - 1], below);
    return encode(JSON.stringify(config));
  },
  "scales that are no numbers": (bytes, name, below) =>
    inTensor(bytes, name, below, /scale|weight$/, 2, [0x7e00n, 0xfe00n, 0x7c00n, 0xfc00n, 0x7fc0n, 0x7f80n, 0x7bffn]),
  "groups that are not there": (bytes, name, below) =>
    inTensor(bytes, name, below, /g_idx$/, 4, [2n, 64n, 0x7fffffffn, 0x80000000n, 0xffffffffn]),
  "zero points out of range": (bytes, name, below) =>
    inTensor(bytes, name, below, /zero/, 4, [0xffffffffn, 0x80000000n, 0x7f7f7f7fn, 0x12345678n, 0n]),
  "nothing in it": () => new Uint8Array(0),
};
