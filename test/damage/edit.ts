import { type Field, readNaively } from "./naive.ts";

/** Small changes of files, of which damages are made. */

/** Numbers from a seed: one below n. */
export type Below = (n: number) => number;

export const isJson = (name: string): boolean => name.endsWith(".json");
export const isWeights = (name: string): boolean => name.endsWith(".safetensors") || name.endsWith(".gguf");

export const pick = <T>(list: readonly T[], below: Below): T => list[below(list.length)];

/** Lengths, counts, sizes and offsets that somebody might have put there. */
export const HUGE = [
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
export const STRANGE = [
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

export const fieldsOf = (bytes: Uint8Array, kinds: readonly Field["kind"][]): Field[] =>
  readNaively(bytes).fields.filter((field) => kinds.includes(field.kind) && field.bytes > 0);

export function overwrite(bytes: Uint8Array, { at, bytes: n }: Pick<Field, "at" | "bytes">, value: bigint): Uint8Array {
  const out = bytes.slice();
  for (let i = 0; i < Math.min(n, 8); i++) out[at + i] = Number((value >> BigInt(8 * i)) & 255n);
  return out;
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const encode = (s: string): Uint8Array => new TextEncoder().encode(s);

/** A safetensors file whose header is another text. */
export function withHeader(bytes: Uint8Array, change: (header: string) => string | undefined): Uint8Array | undefined {
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
export function inText(
  bytes: Uint8Array,
  name: string,
  change: (json: string) => string | undefined,
): Uint8Array | undefined {
  if (name.endsWith(".safetensors")) return withHeader(bytes, change);
  const changed = isJson(name) ? change(text(bytes)) : undefined;
  return changed === undefined ? undefined : encode(changed);
}

/** The header of a safetensors file as JSON, changed. */
export function inEntries(
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

export interface Entry {
  dtype: unknown;
  shape: unknown;
  data_offsets: unknown;
}

/** One value somewhere in a JSON, replaced by what `by` gives. */
export function replaced(json: unknown, below: Below, by: () => unknown): unknown {
  if (typeof json !== "object" || json === null) return by();
  const keys = Object.keys(json);
  if (keys.length === 0 || below(12) === 0) return by();
  const copy = (Array.isArray(json) ? [...json] : { ...json }) as Record<string, unknown>;
  const key = pick(keys, below);
  copy[key] = replaced(copy[key], below, by);
  return copy;
}

/** The tensors whose names end so, as places in the file. */
export function tensorsNamed(bytes: Uint8Array, pattern: RegExp): Field[] {
  const { meaning } = readNaively(bytes);
  return [...meaning].flatMap(([name, { bytes: mine }]) =>
    pattern.test(name) && mine.length > 0
      ? [{ kind: "data" as const, at: mine.byteOffset - bytes.byteOffset, bytes: mine.length }]
      : [],
  );
}

/** Some 16 bits, or 32, of a tensor overwritten. */
export function inTensor(
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
