/**
 * Calls of operations that not every model needs, as known-calls.ts has those of the others.
 */
import { type Int4Layout, int4Shape } from "../quant/int4/index.ts";
import { writeScales } from "../quant/int4/scales.ts";
import { allocMatrix, K_LAYOUT, type KFormat, type PackedMatrix } from "../quant/packed-matrix.ts";
import type { Arena } from "../tensor/arena.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { allocInt8Rows } from "./int8-rows.ts";
import type { Operations } from "./kernels.ts";
import { extremes, type KnownAnswer, N, room, T, values } from "./known-calls.ts";

/** A q4z matrix [16, 64] of words that are laid out so, whose zero points and scales are any: of the build's own nibbles. */
function int4(k: Operations, arena: Arena, layout: Int4Layout, places?: Tensor): PackedMatrix {
  const size = [16, 64] as const;
  const packed = allocMatrix(arena, "q4z", ...size);
  const src = room(arena, int4Shape(layout, size), "i32");
  (src.data as Int32Array).set(values(14, src.size).map((v) => v * 2 ** 31));
  const zeros = Uint8Array.from(values(15, 32), (v) => Math.abs(v) * 16);
  writeScales(packed, [1, 0], new Uint16Array(32).fill(0x2c00), zeros);
  k.repackInt4(packed, layout, 0, src, places);
  return packed;
}

/** Of float32 or int8 inputs [5, 64], with inputs ±1 throughout among them; and the matrix's rows as float32. */
export function linearInt4(inputs: "f32" | "int8", bits: number): KnownAnswer {
  return {
    name: `linear q4z × ${inputs}`,
    bits,
    run(k, arena) {
      const w = int4(k, arena, "gptq");
      const x = extremes(arena, 3, T, 64);
      const out = room(arena, [T, 16]);
      const unpacked = room(arena, [3, 64]);
      k.unpackRows(unpacked, w, 6);
      const rows = allocInt8Rows(arena, T, 64);
      k.quantizeActivations(rows, x);
      k.linear(out, inputs === "f32" ? x : rows, w);
      return [out, unpacked];
    },
  };
}

export function repackInt4(layout: Int4Layout, ordered: boolean, bits: number): KnownAnswer {
  return {
    name: `repackInt4 of ${layout}${ordered ? ", places" : ""}`,
    bits,
    run(k, arena) {
      const places = room(arena, [64], "i32");
      for (let i = 0; i < 64; i++) places.data[i] = (i * 23) % 64;
      return [int4(k, arena, layout, ordered ? places : undefined)];
    },
  };
}

/** Rows `from` … of ggml's blocks of 34 (q8_0) or 18 (q4_0) bytes: an f16 scale, then any bytes. */
export function repack(format: "q8" | "q4", bits: number): KnownAnswer {
  return {
    name: `repackRows to ${format}`,
    bits,
    run(k, arena) {
      const packed = allocMatrix(arena, format, N, 64);
      const src = room(arena, [N, 2 * (format === "q8" ? 34 : 18)], "u8");
      (src.data as Uint8Array).set(values(4, src.size).map((v) => Math.abs(v) * 100));
      k.repackRows(packed, 0, src);
      return [packed];
    },
  };
}

/** Rows of ggml's blocks of so many bytes, whose f16 scales are at `scales`, as a matrix [N, 256] of a K-format. */
function blocks(k: Operations, arena: Arena, format: KFormat, bytes: number, scales: readonly number[]): PackedMatrix {
  const src = room(arena, [N, (256 / K_LAYOUT[format].span) * bytes], "u8");
  const data = src.data as Uint8Array;
  data.set(values(4, src.size).map((v) => Math.abs(v) * 255));
  for (let i = 0; i < src.size; i += bytes) for (const at of scales) data[i + at + 1] = 0x1c + ((i / bytes) & 1) * 0x80;
  const packed = allocMatrix(arena, format, N, 256);
  k.repackRows(packed, 0, src);
  return packed;
}

/** A K-format in all that it is read by. */
export function kFormat(format: KFormat, bytes: number, scales: readonly number[], bits: number): KnownAnswer {
  return {
    name: `linear, unpackRows and embed ${format}`,
    bits,
    run(k, arena) {
      const w = blocks(k, arena, format, bytes, scales);
      const x = extremes(arena, 3, T, 256);
      const rows = allocInt8Rows(arena, T, 256);
      k.quantizeActivations(rows, x);
      const outs = [room(arena, [T, N]), room(arena, [T, N]), room(arena, [3, 256]), room(arena, [2, 256])];
      k.linear(outs[0], rows, w);
      k.linear(outs[1], x, w);
      k.unpackRows(outs[2], w, 7);
      const ids = room(arena, [2], "i32");
      (ids.data as Int32Array).set([10, 3]);
      k.embed(outs[3], ids, w);
      return outs;
    },
  };
}
