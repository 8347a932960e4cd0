import { scaleBits } from "../quant/scale.ts";
import { f16ToF32, f32ToF16, roundEven } from "../tensor/convert.ts";
import { BLOCK } from "./blocks.ts";
import type { Panel } from "./solve.ts";

/** A constant of this module, since test runners turn imported ones into calls. */
const B = BLOCK;
const GROUP = 32;

/**
 * One pass of coordinate descent over a panel, all else held: each integer goes to where e H' eᵀ is least along it, and after each group its
 * scale to where that is least for the group's integers. Neither step can make the sum greater (but for the rounding of the scale to f16).
 * @param gradient f32 [R, 128]: e H', over all inputs; not written
 * @param H f32 [128, 128]: H' within the panel
 */
export function descendPanel(panel: Panel, gradient: Float32Array, H: Float32Array): void {
  const { e } = panel;
  for (let r = 0; r < panel.rows; r++) {
    const row = r * B;
    g.set(gradient.subarray(row, row + B));
    for (let from = 0; from < B; from += GROUP) {
      before.set(e.subarray(row + from, row + from + GROUP));
      moveIntegers(panel, row, from, H);
      moveScale(panel, row, from, H);
      // The groups behind see what has changed; those before had their turn.
      for (let j = from; j < from + GROUP; j++) {
        const d = e[row + j] - before[j - from];
        if (d !== 0) for (let i = from + GROUP; i < B; i++) g[i] += d * H[j * B + i];
      }
    }
  }
}

/** e H' of one row within the panel, as far as it is asked for again. */
const g = new Float64Array(B);
/** A group's errors before its turn. */
const before = new Float32Array(GROUP);

function moveIntegers({ q, w, e, scales }: Panel, row: number, from: number, H: Float32Array): void {
  const s = f16ToF32(scales[(row + from) / GROUP]);
  if (s === 0) return;
  const to = from + GROUP;
  for (let j = from; j < to; j++) {
    const old = q[row + j];
    const n = Math.min(7, Math.max(-8, roundEven(old + g[j] / (H[j * B + j] * s))));
    if (n === old) continue;
    q[row + j] = n;
    const d = (old - n) * s;
    e[row + j] = w[row + j] - n * s;
    for (let i = from; i < to; i++) g[i] += d * H[j * B + i];
  }
}

/** With integers q the scale s + Σ q g / (q H' qᵀ) is best. */
function moveScale({ q, w, e, scales }: Panel, row: number, from: number, H: Float32Array): void {
  const at = (row + from) / GROUP;
  const old = f16ToF32(scales[at]);
  const to = from + GROUP;
  let along = 0;
  let curve = 0;
  for (let i = from; i < to; i++) {
    const n = q[row + i];
    if (n === 0) continue;
    along += n * g[i];
    let sum = 0;
    for (let j = from; j < to; j++) sum += q[row + j] * H[i * B + j];
    curve += n * sum;
  }
  if (!(curve > 0)) return;
  const bits = scaleBits(f32ToF16(old + along / curve));
  const s = f16ToF32(bits);
  if (s === old) return;
  scales[at] = bits;
  for (let j = from; j < to; j++) e[row + j] = w[row + j] - q[row + j] * s;
}
