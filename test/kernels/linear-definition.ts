import { groupAt, type Int8Rows } from "../../src/kernels/index.ts";
import type { KnownMatrix } from "./matrices.ts";

const { fround } = Math;

/**
 * The definition in src/kernels/reference/linear.ts for int8 rows, operation by operation in float32; beside it the same sum in float64 and
 * the sum of the terms' magnitudes, of which errors are fractions.
 */
export function definedInt8(x: Int8Rows, { matrix, ints, scales }: KnownMatrix) {
  const { rows: N } = matrix;
  const G = x.scale.shape[1];
  const [q, steps] = [x.q.data, x.scale.f32];
  const out = {
    float32: new Float32Array(x.rows * N),
    exact: new Float64Array(x.rows * N),
    size: new Float64Array(x.rows * N),
  };
  for (let i = 0; i < x.rows * N; i++) {
    const [t, n] = [Math.floor(i / N), i % N];
    let acc = 0;
    for (let g = 0; g < G; g++) {
      const at = groupAt(x.rows, G, t, g);
      let isum = 0;
      for (let k = 0; k < 32; k++) isum += ints[(n * G + g) * 32 + k] * q[at * 32 + k];
      const [ws, as] = [scales[n * G + g], steps[at]];
      acc = fround(acc + fround(isum * fround(ws * 2 ** -48 * as)));
      out.exact[i] += isum * ws * as;
      out.size[i] += Math.abs(isum * ws * as);
    }
    out.float32[i] = acc * 2 ** 48;
  }
  return out;
}

/** The same for float32 activations x [T, C] and weights w [N, C]. */
export function definedF32(x: Float32Array, w: Float32Array, T: number, N: number, C: number) {
  const out = { float32: new Float32Array(T * N), exact: new Float64Array(T * N), size: new Float64Array(T * N) };
  for (let i = 0; i < T * N; i++) {
    const row = Math.floor(i / N) * C;
    const col = (i % N) * C;
    const acc = [0, 0, 0, 0];
    for (let c = 0; c < C; c += 32) {
      for (let j = 0; j < 4; j++) {
        let p = 0;
        for (let k = c + j; k < Math.min(C, c + 32); k += 4) p = fround(p + fround(x[row + k] * w[col + k]));
        acc[j] = fround(acc[j] + p);
      }
    }
    for (let k = 0; k < C; k++) {
      out.exact[i] += x[row + k] * w[col + k];
      out.size[i] += Math.abs(x[row + k] * w[col + k]);
    }
    out.float32[i] = fround(fround(acc[0] + acc[1]) + fround(acc[2] + acc[3]));
  }
  return out;
}
