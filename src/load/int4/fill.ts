import { FormatError } from "../../errors.ts";
import { findNonFinite } from "../../quant/check.ts";
import { int4Nibble } from "../../quant/int4/index.ts";
import { writeScales } from "../../quant/int4/scales.ts";
import { GROUP, type PackedMatrix } from "../../quant/packed-matrix.ts";
import { ALIGN } from "../../tensor/arena.ts";
import { f32ToF16 } from "../../tensor/convert.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Slot } from "../allocate.ts";
import type { Block } from "../fill.ts";
import { IN_FLIGHT, partOf } from "../staging.ts";
import type { WeightTensor } from "../weight-files.ts";
import { groupOfColumns, type Int4Groups, placesOf, readGroups } from "./groups.ts";
import type { Int4Tensor } from "./tensors.ts";

/** Bytes of words that are read at a time, where they are not more for one row of them. */
const WORDS_BLOCK = 2 ** 19;

/** Bytes of staging that int4 matrices need: parts, each with one row of words by inputs, or eight by outputs. */
export const int4Staging = (N: number, C: number): number => IN_FLIGHT * (4 * Math.max(N, C) + ALIGN);

/**
 * An int4 matrix: first the groups of its inputs, zero points and scales, which are kept until its words are here; then the words, some rows at a
 * time, through the parts of the scratch in turn. Into q4 and q4z they go as they are, with their inputs in the order of their groups where the
 * matrix has an order; into f32 dequantized.
 * @param staged blocks that went through the scratch before these
 * @returns the same with these
 */
export function* int4Blocks(
  { matrix, stage, staging }: Slot,
  info: Int4Tensor,
  staged: number,
): Generator<Block, number> {
  const { words: source, scales, zeros, gIdx, bias, scheme } = info.int4;
  const { arena, kernels } = stage;
  const bytes = {
    scales: new Uint8Array(scales.byteLength),
    zeros: zeros && new Uint8Array(zeros.byteLength),
    gIdx: gIdx && new Uint8Array(gIdx.byteLength),
  };
  let groups: Int4Groups | undefined;
  let places: Int32Array | undefined;
  const nothing = () => {};
  if (bias) yield zeroBias(bias);
  if (gIdx && bytes.gIdx) yield { info: gIdx, offset: 0, into: bytes.gIdx, place: nothing };
  if (zeros && bytes.zeros) yield { info: zeros, offset: 0, into: bytes.zeros, place: nothing };
  const begin = () => {
    groups = readGroups(info, bytes, matrix.format === "q4");
    if (matrix.format === "f32") return;
    if (matrix.order) places = placesOf(info, groups);
    beginMatrix(matrix, info, groups, places);
  };
  yield { info: scales, offset: 0, into: bytes.scales, place: begin };

  const [total, width] = source.shape;
  const unit = scheme.layout === "gptq" ? 1 : 8;
  const rows = Math.max(1, Math.floor(Math.min(partOf(staging, 0).bytes, WORDS_BLOCK) / (4 * width * unit))) * unit;
  for (let at = 0; at < total; at += rows) {
    const n = Math.min(rows, total - at);
    const { ptr } = partOf(staging, staged++);
    const place = () => {
      const src = new Tensor(arena, ptr, "i32", [n, width]);
      if (matrix.format === "f32") {
        dequantize(matrix, info, groups as Int4Groups, at, src);
        return;
      }
      // Until the last word is here, the order holds where each input goes; then, which input is where.
      kernels.repackInt4(matrix, scheme.layout, at, src, matrix.order);
      if (places && at + n === total) for (const [input, column] of places.entries()) order(matrix)[column] = input;
    };
    yield { info: source, offset: at * width * 4, into: new Uint8Array(arena.buffer, ptr, n * width * 4), place };
  }
  return staged;
}

/** Reads a bias that the model has not, and which must be 0 (or -0) therefore. */
function zeroBias(bias: WeightTensor): Block {
  const into = new Uint8Array(bias.byteLength);
  const place = () => {
    if (into.every((byte, i) => byte === 0 || (byte === 0x80 && i % 2 === 1))) return;
    const what = "config.json describes a model without this bias, and it is not 0";
    const facts = { file: bias.file, tensor: bias.name, expected: "no such tensor, or zeros" };
    throw new FormatError({ what, ...facts }, "extra_tensor");
  };
  return { info: bias, offset: 0, into, place };
}

const order = ({ order }: PackedMatrix): Int32Array => order?.data as Int32Array;

/** Orders that rows of a matrix have been read in: its parts share one. */
const read = new WeakMap<Tensor, Int32Array>();

/** Scales, zero points and places of a q4 or q4z matrix. @throws FormatError */
function beginMatrix(matrix: PackedMatrix, info: Int4Tensor, groups: Int4Groups, places?: Int32Array): void {
  if (matrix.order && places) {
    const before = read.get(matrix.order);
    if (before?.some((column, input) => column !== places[input])) {
      const { file, name: tensor } = info.int4.gIdx ?? info;
      const what =
        'groups in another order than in the matrix that it is joined with: not built (weights: "f32" reads it)';
      throw new FormatError({ what, file, tensor });
    }
    read.set(matrix.order, places);
    order(matrix).set(places);
  }
  const { cols: C, rows: N } = matrix;
  if (C % GROUP !== 0) new Uint8Array(matrix.arena.buffer, matrix.ptr, matrix.byteLength).fill(0);
  const scales = Uint16Array.from(groups.scales, f32ToF16);
  writeScales(matrix, groupOfColumns(info, groups, places), scales, matrix.format === "q4z" ? groups.zeros : undefined);
  const bad = findNonFinite(matrix, 0, N);
  if (!bad) return;
  const { file, name: tensor } = info.int4.scales;
  const facts = { file, tensor, got: `output ${bad.row}, inputs from ${bad.col} on`, expected: "finite f16 scales" };
  throw new FormatError({ what: "a scale that is not finite", ...facts }, "non_finite_weight");
}

/** Rows of words, from `at` on, as float32 in their places: (nibble - zero) · scale. */
function dequantize(matrix: PackedMatrix, info: Int4Tensor, groups: Int4Groups, at: number, src: Tensor): void {
  const { rows: N, cols: C, arena, ptr } = matrix;
  const out = new Float32Array(arena.buffer, ptr, N * C);
  const { layout } = info.int4.scheme;
  const { scales, zeros, ofInput } = groups;
  const n = src.shape[0];
  const packed = src.data as Int32Array;
  const [outputs, inputs] = layout === "gptq" ? [N, 8 * n] : layout === "awq" ? [N, n] : [n, C];
  const output = layout === "pack-quantized" ? at : 0;
  const input = layout === "gptq" ? 8 * at : layout === "awq" ? at : 0;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      const group = ofInput[input + i] * N + output + o;
      const nibble = int4Nibble(layout, packed, [outputs, C], o, i);
      out[(output + o) * C + input + i] = (nibble - zeros[group]) * scales[group];
    }
  }
}
