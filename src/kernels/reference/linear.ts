import { allocRow, dequantizeRow, readRow } from "../../quant/dequantize.ts";
import { readKRow } from "../../quant/k-formats.ts";
import { eachSlice, GROUP, groupsOf, isKFormat, type PackedMatrix } from "../../quant/packed-matrix.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { groupAt } from "../int8-rows.ts";
import type { Int8Rows } from "../kernels.ts";

/**
 * out[T, N] = x · Wᵀ, with W [N, C].
 *
 * The reference sums in float64. What the compiled kernels compute, and what their bits are for any T and any tile, is this (every
 * operation a float32 one, rounded once; groups are 32 neighbours along C, G = ceil(C / 32)):
 *
 * x as int8 rows (W is q4, q4z or q8), with s_w the f16 scale of W's group and s_a the activations':
 *
 *     acc = 0;  for g = 0 … G-1:  acc = acc + f32(Σ_k w_k · q_k) · (s_w · s_a)        w_k = n_k - 8 for q4, n_k - z for q4z; Σ_k exact in int32
 *
 * (with acc and s_w held times 2^-48, which tells only where acc is below 2^-78: wasm/int8-tile.ts says why; s_w is finite, as loading makes sure),
 *
 * and where W is in a K-format (k-formats.ts), with ds and dm of W for each 32 inputs, or 16, which then are added up by themselves:
 *
 *     acc = acc + (f32(Σ_k n_k q_k) · ds - f32(Σ_k q_k) · dm) · s_a
 *     acc = acc + f32(Σ_k n_k q_k) · (ds · s_a)                                          in q6k and q4x, which have no dm, with their signed n_k
 *
 * x as float32 (W is f32; or another format, whose weights are formed in float32 as quant/ defines them, so that the result has the bits of the same
 * product with the unpacked matrix):
 *
 *     acc_j = 0 (j = 0 … 3);  for g = 0 … G-1, j = 0 … 3:  acc_j = acc_j + p_j
 *     where p_j = x_j · w_j + x_{j+4} · w_{j+4} + … + x_{j+28} · w_{j+28}             in this order, of group g, inputs past C left out
 *     out = (acc_0 + acc_1) + (acc_2 + acc_3)
 *
 * A lane of a vector is thus an input mod 4, and sums are short twice: 8 terms within a group, G over groups, not C in one chain.
 * Error of those against the exact sum, u = 2^-24: int8 ≤ (G + 2) u · Σ_g |term|, f32 ≤ (G + 10) u · Σ_k |x_k w_k|.
 * Source: HF's nn.Linear (no bias).
 */
export function linear(out: Tensor, x: Tensor | Int8Rows, weight: PackedMatrix): void {
  const [T, N] = out.shape;
  const all = out.f32;
  eachSlice(weight, (slice, row) => {
    const part = slice.rows === N ? all : new Float32Array(T * slice.rows); // [T, rows of the slice]
    if ("q" in x && isKFormat(slice.format)) linearK(part, x, slice);
    else if ("q" in x) linearInt8(part, x, slice);
    else linearF32(part, x.f32, slice, T);
    if (part === all) return;
    for (let t = 0; t < T; t++) all.set(part.subarray(t * slice.rows, (t + 1) * slice.rows), t * N + row);
  });
}

/** out [T, N], x int8 [T, 32 G], W q4, q4z or q8 [N, C]. */
function linearInt8(out: Float32Array, x: Int8Rows, weight: PackedMatrix): void {
  const { rows: N, cols: C } = weight;
  const G = groupsOf(C);
  const q = x.q.data;
  const scale = x.scale.f32;
  const w = allocRow(weight);
  for (let n = 0; n < N; n++) {
    readRow(w, weight, n);
    for (let t = 0; t < x.rows; t++) {
      let acc = 0;
      for (let g = 0; g < G; g++) {
        const at = groupAt(x.rows, G, t, g);
        let isum = 0;
        for (let k = 0; k < GROUP; k++) isum += w.q[g * GROUP + k] * q[at * GROUP + k];
        acc += isum * (w.scale[g] * scale[at]);
      }
      out[t * N + n] = acc;
    }
  }
}

/** out [T, N], x int8 [T, 32 G], W in a K-format [N, C]. */
function linearK(out: Float32Array, x: Int8Rows, weight: PackedMatrix): void {
  const { rows: N, cols: C } = weight;
  const G = groupsOf(C);
  const q = x.q.data;
  const a = x.scale.f32;
  for (let n = 0; n < N; n++) {
    const w = readKRow(weight, n);
    for (let t = 0; t < x.rows; t++) {
      let acc = 0;
      for (let g = 0; g < G; g++) {
        const at = groupAt(x.rows, G, t, g);
        for (let h = 2 * g; h < 2 * g + 2; h++) {
          let [dots, sum] = [0, 0]; // of 16 inputs
          for (let k = 0; k < 16; k++) {
            const input = q[at * GROUP + (h & 1) * 16 + k];
            dots += w.n[h * 16 + k] * input;
            sum += input;
          }
          acc += (w.scale[h] * dots - w.min[h] * sum) * a[at];
        }
      }
      out[t * N + n] = acc;
    }
  }
}

/** out [T, N], x f32 [T, C], W of any format [N, C]. */
function linearF32(out: Float32Array, x: Float32Array, weight: PackedMatrix, T: number): void {
  const { rows: N, cols: C } = weight;
  const w = new Float32Array(C);
  for (let n = 0; n < N; n++) {
    dequantizeRow(w, weight, n);
    for (let t = 0; t < T; t++) {
      let acc = 0;
      for (let c = 0; c < C; c++) acc += x[t * C + c] * w[c];
      out[t * N + n] = acc;
    }
  }
}
