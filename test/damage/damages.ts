import { type Field, isGguf, readNaively } from "./naive.ts";

/** Numbers from a seed: one below n. */
export type Below = (n: number) => number;

/** One kind of damage: the bytes of a file with it, or undefined where that file has nothing to damage so. */
export type Damage = (bytes: Uint8Array, name: string, below: Below) => Uint8Array | undefined;

const isJson = (name: string): boolean => name.endsWith(".json");
const isWeights = (name: string): boolean => name.endsWith(".safetensors") || name.endsWith(".gguf");

const pick = <T>(list: readonly T[], below: Below): T => list[below(list.length)];

/** Lengths, counts, sizes and offsets that somebody might have put there. */
const HUGE = [
  2n ** 64n - 1n,
  2n ** 63n,
  2n ** 53n,
  2n ** 32n,
  2n ** 31n,
  2n ** 31n - 1n,
  10n ** 9n,
  65536n,
  33n,
  1n,
  0n,
];

/** Values where others belong. */
const STRANGE = [
  null,
  true,
  -1,
  0,
  0.5,
  3,
  33,
  1e9,
  2 ** 31,
  2 ** 53,
  1e308,
  1e-308,
  -0,
  "",
  "x",
  [],
  {},
  [null],
  Array(40).fill(1),
];

const fieldsOf = (bytes: Uint8Array, kinds: readonly Field["kind"][]): Field[] =>
  readNaively(bytes).fields.filter((field) => kinds.includes(field.kind) && field.bytes > 0);

function overwrite(bytes: Uint8Array, { at, bytes: n }: Pick<Field, "at" | "bytes">, value: bigint): Uint8Array {
  const out = bytes.slice();
  for (let i = 0; i < Math.min(n, 8); i++) out[at + i] = Number((value >> BigInt(8 * i)) & 255n);
  return out;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const encode = (s: string): Uint8Array => new TextEncoder().encode(s);

/** A safetensors file whose header is another text. */
function withHeader(bytes: Uint8Array, change: (header: string) => string | undefined): Uint8Array | undefined {
  const { header } = readNaively(bytes);
  const changed = change(text(bytes.subarray(8, header)).trimEnd());
  if (changed === undefined) return undefined;
  const json = encode(changed);
  const out = new Uint8Array(8 + json.length + bytes.length - header);
  new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
  out.set(json, 8);
  out.set(bytes.subarray(header), 8 + json.length);
  return out;
}

/** The text of a JSON file or of a safetensors header, changed. */
function inText(bytes: Uint8Array, name: string, change: (json: string) => string | undefined): Uint8Array | undefined {
  if (name.endsWith(".safetensors")) return withHeader(bytes, change);
  const changed = isJson(name) ? change(text(bytes)) : undefined;
  return changed === undefined ? undefined : encode(changed);
}

/** The header of a safetensors file as JSON, changed. */
function inEntries(
  bytes: Uint8Array,
  name: string,
  change: (entries: [string, Entry][]) => void,
): Uint8Array | undefined {
  if (!name.endsWith(".safetensors")) return undefined;
  return withHeader(bytes, (header) => {
    const all = Object.entries(JSON.parse(header) as Record<string, Entry>);
    const entries = all.filter(([key]) => key !== "__metadata__");
    change(entries);
    return JSON.stringify(Object.fromEntries([...all.filter(([key]) => key === "__metadata__"), ...entries]));
  });
}

interface Entry {
  dtype: unknown;
  shape: unknown;
  data_offsets: unknown;
}

/** One value somewhere in a JSON, replaced by what `by` gives. */
function replaced(json: unknown, below: Below, by: () => unknown): unknown {
  if (typeof json !== "object" || json === null) return by();
  const keys = Object.keys(json);
  if (keys.length === 0 || below(12) === 0) return by();
  const copy = (Array.isArray(json) ? [...json] : { ...json }) as Record<string, unknown>;
  const key = pick(keys, below);
  copy[key] = replaced(copy[key], below, by);
  return copy;
}

/** The tensors whose names end so, as places in the file. */
function tensorsNamed(bytes: Uint8Array, pattern: RegExp): Field[] {
  const { meaning } = readNaively(bytes);
  return [...meaning].flatMap(([name, { bytes: mine }]) =>
    pattern.test(name) && mine.length > 0
      ? [{ kind: "data" as const, at: mine.byteOffset - bytes.byteOffset, bytes: mine.length }]
      : [],
  );
}

/** Some 16 bits, or 32, of a tensor overwritten. */
function inTensor(
  bytes: Uint8Array,
  name: string,
  below: Below,
  pattern: RegExp,
  width: 2 | 4,
  values: readonly bigint[],
) {
  if (!isWeights(name)) return undefined;
  const tensors = tensorsNamed(bytes, pattern);
  if (tensors.length === 0) return undefined;
  const { at, bytes: n } = pick(tensors, below);
  return overwrite(bytes, { at: at + below(Math.floor(n / width)) * width, bytes: width }, pick(values, below));
}

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
