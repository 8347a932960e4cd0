import { maxOfEach, splatLane, storeTransposed } from "./lanes";
import { clearRows } from "./load-rows";
import { roundEight } from "./round";
import { scaleHolding, scaleToF32, storeScales } from "./scale";

/**
 * 4 rows × 32 weights to their half (rows 0-3 or 4-7) of a q8 block.
 *
 * Per row the largest magnitude, by the integer order of float32 bits: | row 0 | row 1 | row 2 | row 3 |; the scales in those lanes; then
 * each row · 1/scale to int8, 16 neighbours a vector, and 4 rows × 4 chunks of 4 neighbours transposed into the block's order.
 * Same bytes as quantizeQ8 for each row. Rows with a weight that is not finite or ≥ 2^22 get scale NaN; x is overwritten for those.
 * @param out the block's byte 16 (rows 0-3) or 32 (rows 4-7): vectors lie 32 bytes apart
 * @param scales where the four f16 go
 * @param x f32 [4, 32], aligned to 16
 */
export function packHalfQ8(out: usize, scales: usize, x: usize): void {
  const top = maxOfEach(magnitude(x), magnitude(x + 128), magnitude(x + 256), magnitude(x + 384));
  const bad = i32x4.ge_s(top, i32x4.splat(0x4a800000)); // 2^22
  if (v128.any_true(bad)) clearRows(x, i32x4.bitmask(bad));
  const zero = i32x4.le_s(top, i32x4.splat(0x33000000)); // 2^-25
  const skip = v128.or(bad, zero);

  // d = max / 127; one in the lanes that are skipped, so that nothing there becomes NaN.
  const one = f32x4.splat(1);
  const d = v128.bitselect(one, f32x4.div(top, f32x4.splat(127)), skip);
  const s = scaleHolding(d, v128.andnot(top, skip));
  const r = v128.andnot(f32x4.div(one, scaleToF32(s)), skip);
  storeScales(scales, v128.bitselect(i32x4.splat(0x7e00), v128.andnot(s, zero), bad));

  const ra = splatLane(r, 0);
  const rb = splatLane(r, 1);
  const rc = splatLane(r, 2);
  const rd = splatLane(r, 3);
  for (let half: usize = 0; half < 2; half++, x += 64, out += 128) {
    storeTransposed(out, 32, sixteen(x, ra), sixteen(x + 128, rb), sixteen(x + 256, rc), sixteen(x + 384, rd));
  }
}

/** The largest |x| of 32 as float32 bits, spread over four lanes; above 0x7f800000 if there is a NaN. */
// @ts-ignore: decorator
@inline
function magnitude(x: usize): v128 {
  const mask = i32x4.splat(0x7fffffff);
  let top = v128.and(v128.load(x), mask);
  for (let i: usize = 16; i < 128; i += 16) top = i32x4.max_s(top, v128.and(v128.load(x + i), mask));
  return top;
}

/** Sixteen neighbours · r, rounded, as int8. */
// @ts-ignore: decorator
@inline
function sixteen(x: usize, r: v128): v128 {
  return i8x16.narrow_i16x8_s(roundEight(x, r), roundEight(x + 32, r));
}
