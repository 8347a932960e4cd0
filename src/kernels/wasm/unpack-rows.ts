import { f16x4ToF32x4 } from "./f16";
import { blockBytes, chunkBytes, F32, groupsOf, hasZeros, Q4, Q4Z, rowGroupBytes, scalesAt } from "./layout";
import { unpackK } from "./rows-k";
import { storeF32 } from "./vectors";

/**
 * out f32 [n, C] = rows `row` … of W f32, q4, q4z, q8 or a K-format (rows-k.ts) [N, C].
 *
 * Lanes: four neighbours along C. Of all but f32 one row is read out of the 8 that lie interleaved: 4 bytes of each vector.
 * Nothing is written past C. Same bits as the reference. Alignment: 4 bytes.
 */
export function unpackRows(out: usize, w: usize, format: i32, row: i32, n: i32, C: i32): void {
  for (let i = 0; i < n; i++) unpackRow(out + (<usize>(i * C) << 2), w, format, row + i, C);
}

/** out f32 [C] = row `row` of W. */
export function unpackRow(out: usize, w: usize, format: i32, row: i32, C: i32): void {
  if (format == F32) copyRow(out, w + <usize>row * (<usize>C << 2), C);
  else if (format > Q4Z) unpackK(out, w, format, row, C);
  else if (format == Q4) unpackPacked<u8>(out, w, row, C);
  else if (format == Q4Z) unpackPacked<u16>(out, w, row, C);
  else unpackPacked<i8>(out, w, row, C);
}

function copyRow(out: usize, src: usize, C: i32): void {
  let c = 0;
  for (; c <= C - 4; c += 4) v128.store(out + (<usize>c << 2), v128.load(src + (<usize>c << 2)));
  for (; c < C; c++) store<f32>(out + (<usize>c << 2), load<f32>(src + (<usize>c << 2)));
}

function unpackPacked<W>(out: usize, w: usize, row: i32, C: i32): void {
  const r = <usize>(row & 7);
  w += <usize>(row >> 3) * rowGroupBytes<W>(groupsOf(C));
  w += scalesAt<W>();
  for (let left = C; left > 0; left -= 32) {
    const scales = f16x4ToF32x4(w + ((r >> 2) << 3));
    const s = i8x16.swizzle(scales, i32x4.add(i32x4.splat(0x03020100), i32x4.splat(<i32>(r & 3) * 0x04040404)));
    const z = i32x4.splat(hasZeros<W>() ? 8 + <i32>load<i8>(w - 8 + r) : 8);
    let src = w + 16 + (r << 2); // rows 0-3 and 4-7 are neighbouring vectors, so row r begins 4 r bytes on
    for (let k = 0; k < 32 && k < left; k += 8) {
      let low: v128;
      let high: v128;
      if (isSigned<W>()) {
        low = bytes<W>(src);
        high = bytes<W>(src + 32);
      } else {
        const v = bytes<W>(src);
        low = i32x4.sub(v128.and(v, i32x4.splat(15)), z);
        high = i32x4.sub(i32x4.shr_u(v, 4), z);
      }
      storeF32(out, f32x4.mul(f32x4.convert_i32x4_s(low), s), left - k);
      storeF32(out + 16, f32x4.mul(f32x4.convert_i32x4_s(high), s), left - k - 4);
      out += 32;
      src += chunkBytes<W>();
    }
    w += blockBytes<W>();
  }
}

/** Four bytes as i32 × 4. */
// @ts-ignore: decorator
@inline
function bytes<W>(ptr: usize): v128 {
  const v = v128.load32_zero(ptr);
  return isSigned<W>()
    ? i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v))
    : i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v));
}
