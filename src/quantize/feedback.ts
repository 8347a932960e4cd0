import { quantizeQ4 } from "../quant/quantize-q4.ts";
import { f16ToF32, roundEven } from "../tensor/convert.ts";
import { BLOCK } from "./blocks.ts";
import type { Panel } from "./solve.ts";

/** A constant of this module, since test runners turn imported ones into calls. */
const B = BLOCK;
const GROUP = 32;

/**
 * Rounds a panel from its last input to its first, each weight moved by what the errors behind it ask for.
 *
 * With H' = L Lᵀ, e H' eᵀ = |e L|², whose term j is (e_j + Σ_{i>j} e_i L_ij / L_jj)² L_jj²: it depends on no input before j, and those can
 * still undo it in no way. So input j is best rounded from w_j + Σ_{i>j} e_i L_ij / L_jj. This is GPTQ's update (arXiv 2210.17323) written
 * with the factor of H instead of its inverse's, the nearest-plane rounding of Babai. A group's scale is searched, as quantizeQ4 does it,
 * when the first of its inputs is reached.
 * @param sums f32 [R, 128]: Σ e_i L_ij / L_jj over the panels behind this one
 * @param factor f32 [128, 128]: row i, column j: L_ij / L_jj within the panel
 */
export function feedbackPanel({ rows, w, e, q, scales }: Panel, sums: Float32Array, factor: Float32Array): void {
  for (let r = 0; r < rows; r++) {
    const at = r * B;
    for (let j = 0; j < B; j++) target[j] = w[at + j] + sums[at + j];
    for (let g = B - GROUP; g >= 0; g -= GROUP) {
      group.set(target.subarray(g, g + GROUP));
      const bits = quantizeQ4(group, nibbles);
      scales[(at + g) / GROUP] = bits;
      const s = f16ToF32(bits);
      for (let j = g + GROUP - 1; j >= g; j--) {
        const n = s === 0 ? 0 : Math.min(7, Math.max(-8, roundEven(target[j] / s)));
        const error = w[at + j] - n * s;
        q[at + j] = n;
        e[at + j] = error;
        for (let i = 0; i < j; i++) target[i] += error * factor[j * B + i];
      }
    }
  }
}

const target = new Float64Array(B);
const group = new Float32Array(GROUP);
const nibbles = new Uint8Array(GROUP);
