/** GGUF files by hand, whatever is wrong with them. Little endian throughout. */

const encoder = new TextEncoder();

/** Bytes put together one after the other. */
export class Writer {
  #parts: Uint8Array[] = [];
  length = 0;

  bytes(part: Uint8Array): this {
    this.#parts.push(part);
    this.length += part.length;
    return this;
  }
  number(bytes: number, set: (view: DataView) => void): this {
    const view = new DataView(new ArrayBuffer(bytes));
    set(view);
    return this.bytes(new Uint8Array(view.buffer));
  }
  u8 = (n: number): this => this.number(1, (v) => v.setUint8(0, n));
  u16 = (n: number): this => this.number(2, (v) => v.setUint16(0, n, true));
  u32 = (n: number): this => this.number(4, (v) => v.setUint32(0, n, true));
  i32 = (n: number): this => this.number(4, (v) => v.setInt32(0, n, true));
  f32 = (n: number): this => this.number(4, (v) => v.setFloat32(0, n, true));
  u64 = (n: number | bigint): this => this.number(8, (v) => v.setBigUint64(0, BigInt(n), true));
  text(text: string | Uint8Array, length?: number | bigint): this {
    const bytes = typeof text === "string" ? encoder.encode(text) : text;
    return this.u64(length ?? bytes.length).bytes(bytes);
  }
  done(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}

/** Numbers of the types of values. */
export const VALUE = { u8: 0, u16: 2, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9, u64: 10 } as const;

/** Writes a value of the metadata, its type first. */
export type Value = (w: Writer) => Writer;
export const u16 =
  (n: number): Value =>
  (w) =>
    w.u32(VALUE.u16).u16(n);
export const u32 =
  (n: number): Value =>
  (w) =>
    w.u32(VALUE.u32).u32(n);
export const i32 =
  (n: number): Value =>
  (w) =>
    w.u32(VALUE.i32).i32(n);
export const f32 =
  (n: number): Value =>
  (w) =>
    w.u32(VALUE.f32).f32(n);
export const bool =
  (b: boolean): Value =>
  (w) =>
    w.u32(VALUE.bool).u8(b ? 1 : 0);
export const text =
  (s: string): Value =>
  (w) =>
    w.u32(VALUE.string).text(s);
export const texts =
  (list: readonly string[]): Value =>
  (w) => {
    w.u32(VALUE.array).u32(VALUE.string).u64(list.length);
    for (const s of list) w.text(s);
    return w;
  };
export const i32s =
  (list: ArrayLike<number>): Value =>
  (w) => {
    w.u32(VALUE.array).u32(VALUE.i32).u64(list.length);
    for (const n of Array.from(list)) w.i32(n);
    return w;
  };
export const f32s =
  (list: ArrayLike<number>): Value =>
  (w) =>
    w
      .u32(VALUE.array)
      .u32(VALUE.f32)
      .u64(list.length)
      .bytes(new Uint8Array(Float32Array.from(list).buffer));

export interface Tensor {
  name: string | Uint8Array;
  /** Innermost axis first, as the file has it. */
  axes: readonly (number | bigint)[];
  /** Number of the type: 0 is F32. */
  type: number;
  /** Default: behind the tensor before, aligned. */
  offset?: number | bigint;
  data: Uint8Array;
}

export interface Parts {
  magic?: string;
  version?: number;
  tensorCount?: number | bigint;
  entryCount?: number | bigint;
  metadata?: readonly (readonly [key: string | Uint8Array, value: Value])[];
  tensors?: readonly Tensor[];
  alignment?: number;
  /** Bytes in place of the tensors' own data. */
  data?: Uint8Array;
}

/** A file, in everything right that the parts do not say otherwise. */
export function craft(parts: Parts = {}): Uint8Array<ArrayBuffer> {
  const { metadata = [], tensors = [], alignment = 32 } = parts;
  const w = new Writer().bytes(encoder.encode(parts.magic ?? "GGUF")).u32(parts.version ?? 3);
  w.u64(parts.tensorCount ?? tensors.length).u64(parts.entryCount ?? metadata.length);
  for (const [key, value] of metadata) value(w.text(key));
  const data = new Writer();
  const align = (to: Writer) => to.bytes(new Uint8Array(-to.length & (alignment - 1)));
  for (const { name, axes, type, offset, data: bytes } of tensors) {
    w.text(name).u32(axes.length);
    for (const n of axes) w.u64(n);
    align(data);
    w.u32(type).u64(offset ?? data.length);
    data.bytes(bytes);
  }
  return align(w)
    .bytes(parts.data ?? data.done())
    .done();
}

/** An F32 tensor of one axis. */
export const floats = (name: string, values: readonly number[]): Tensor => ({
  name,
  axes: [values.length],
  type: 0,
  data: new Uint8Array(Float32Array.from(values).buffer),
});
