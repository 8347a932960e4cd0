/**
 * Readers of safetensors and GGUF written from the formats' descriptions, which check nothing: of a valid file they give its meaning, and where
 * each of its fields lies, so that fields can be damaged one by one.
 */

/** Bytes of a file that are one field. */
export interface Field {
  kind: "length" | "count" | "type" | "value" | "text" | "dim" | "offset" | "magic" | "data";
  at: number;
  bytes: number;
}

/** A tensor's bytes by its name, with dtype and shape in words. */
export type Meaning = Map<string, { kind: string; bytes: Uint8Array }>;

export interface Read {
  meaning: Meaning;
  fields: Field[];
  /** Where the header ends. */
  header: number;
}

interface SafetensorsEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** u64 length | JSON | data */
export function readSafetensors(bytes: Uint8Array): Read {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = 8 + Number(view.getBigUint64(0, true));
  const json = JSON.parse(new TextDecoder().decode(bytes.subarray(8, header))) as Record<string, SafetensorsEntry>;
  const meaning: Meaning = new Map();
  const fields: Field[] = [
    { kind: "length", at: 0, bytes: 8 },
    { kind: "text", at: 8, bytes: header - 8 },
  ];
  for (const [name, entry] of Object.entries(json)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets } = entry;
    const [begin, end] = data_offsets;
    meaning.set(name, { kind: `${dtype} ${shape}`, bytes: bytes.subarray(header + begin, header + end) });
    fields.push({ kind: "data", at: header + begin, bytes: end - begin });
  }
  return { meaning, fields, header };
}

/** Bytes of each type of value, and of tensors' blocks: [elements, bytes]. Source: docs/gguf.md of ggml. */
const VALUE = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const [STRING, ARRAY] = [8, 9];
const BLOCKS: Record<number, [number, number]> = {
  ...{ 0: [1, 4], 1: [1, 2], 30: [1, 2], 2: [32, 18], 3: [32, 20], 6: [32, 22], 7: [32, 24], 8: [32, 34] },
  ...{ 10: [256, 84], 11: [256, 110], 12: [256, 144], 13: [256, 176], 14: [256, 210], 20: [32, 18], 23: [256, 136] },
};

/** "GGUF" | u32 version | u64 tensors | u64 entries | entries | tensors | padding | data */
export function readGguf(bytes: Uint8Array): Read {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Field[] = [];
  let at = 0;
  const take = (kind: Field["kind"], n: number): number => {
    fields.push({ kind, at, bytes: n });
    at += n;
    return at - n;
  };
  const u32 = (kind: Field["kind"]) => view.getUint32(take(kind, 4), true);
  const u64 = (kind: Field["kind"]) => Number(view.getBigUint64(take(kind, 8), true));
  const text = () => {
    const n = u64("length");
    const from = take("text", n);
    return new TextDecoder().decode(bytes.subarray(from, from + n));
  };
  let alignment = 32;
  const value = (type: number, key?: string): void => {
    if (type === STRING) text();
    else if (type === ARRAY) {
      const inner = u32("type");
      const n = u64("count");
      if (inner === STRING || inner === ARRAY) for (let i = 0; i < n; i++) value(inner);
      else take("value", n * VALUE[inner]);
    } else {
      const from = take("value", VALUE[type]);
      if (key === "general.alignment") alignment = view.getUint32(from, true);
    }
  };
  take("magic", 4);
  u32("type");
  const [tensors, entries] = [u64("count"), u64("count")];
  for (let i = 0; i < entries; i++) {
    const key = text();
    value(u32("type"), key);
  }
  const list = Array.from({ length: tensors }, () => {
    const name = text();
    const shape = Array.from({ length: u32("count") }, () => u64("dim"));
    return { name, shape, type: u32("type"), offset: u64("offset") };
  });
  const start = Math.ceil(at / alignment) * alignment;
  const meaning: Meaning = new Map();
  for (const { name, shape, type, offset } of list) {
    const [elements, size] = BLOCKS[type];
    const n = (shape.reduce((product, d) => product * d, 1) / elements) * size;
    meaning.set(name, { kind: `${type} ${shape}`, bytes: bytes.subarray(start + offset, start + offset + n) });
    fields.push({ kind: "data", at: start + offset, bytes: n });
  }
  return { meaning, fields, header: start };
}

export const isGguf = (bytes: Uint8Array): boolean => bytes[0] === 0x47 && bytes[1] === 0x47 && bytes[2] === 0x55;

export const readNaively = (bytes: Uint8Array): Read => (isGguf(bytes) ? readGguf(bytes) : readSafetensors(bytes));
