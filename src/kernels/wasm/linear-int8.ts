import { NARROW, PAIRS } from "./dot";
import { gemm } from "./gemm";
import { gemv } from "./gemv";
import { isChain } from "./gemv-k";
import { isK, Q2K, Q4K, Q4M, Q5K, Q5M, Q6K } from "./k-formats";
import { Q4, Q4Z, Q8, rowGroupBytes } from "./layout";

/** Bytes of weights that several tokens read one after the other: they stay in the second-level cache. */
const PIECE: usize = 1 << 18;

/**
 * out f32 [T, N] = x · Wᵀ, x int8 rows, W q4, q4z, q8 or a K-format [N, 32 G]; of out the rows of W's blocks begin … end - 1, of 8 rows each, whose
 * bits do not depend on how the blocks are cut into calls.
 *
 * Tokens go through a register tile by fours (gemm.ts), and those that remain one by one (gemv.ts), as int8 rows lie (kernels.ts, Int8Rows).
 * Both sum a (row, token) in the same order, and all forms of the dot product (dot.ts) give the same integers: no choice here changes the bits.
 * Rows past N are computed from the padding and not stored.
 *
 * @param form one that this build has; q8 has no NARROW and takes PAIRS, which the rarer K-formats take always
 * @param scratch GEMM_SCRATCH bytes (gemm.ts), aligned to 16 as W is; others to 4
 */
export function linearInt8(
  out: usize, q: usize, pairs: usize, scale: usize, offset: usize, w: usize, format: i32, T: i32, N: i32, G: i32,
  form: i32, scratch: usize, begin: i32, end: i32,
): void {
  if (form != PAIRS && (form != NARROW || format != Q8) && format <= Q6K) {
    linearRelaxed(out, q, pairs, scale, offset, w, format, T, N, G, form, scratch, begin, end);
  } else if (format == Q4) linear<u8, u16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q4Z) linear<u16, u16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q8) linear<i8, u16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q4K) linear<u32, u16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q5K) linear<u64, u16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q6K) linear<f64, u16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q4M) linear<i32, u16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q5M) linear<i64, u16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q2K) linear<f32, u16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else linear<v128, u16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
}

/** The forms that need relaxed SIMD. Exported, so that no function that strict has, too, is compiled together with it (scripts/build-wasm.mjs). */
export function linearRelaxed(
  out: usize, q: usize, pairs: usize, scale: usize, offset: usize, w: usize, format: i32, T: i32, N: i32, G: i32,
  form: i32, scratch: usize, begin: i32, end: i32,
): void {
  if (form == NARROW) {
    if (format == Q4) linear<u8, i16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
    else if (format == Q4Z) linear<u16, i16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
    else if (format == Q4K) linear<u32, i16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
    else if (format == Q5K) linear<u64, i64>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
    else linear<f64, i64>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  } else if (format == Q4) linear<u8, i32>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q4Z) linear<u16, i32>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q8) linear<i8, i32>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q4K) linear<u32, i32>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q5K) linear<u64, i32>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else linear<f64, i32>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
}

function linear<W, D>(
  out: usize, q: usize, pairs: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32,
  scratch: usize, begin: i32, end: i32,
): void {
  const quads = T >> 2;
  const piece = T == 1 ? end - begin : max(2, <i32>(PIECE / rowGroupBytes<W>(G)));
  for (; begin < end; begin += piece) {
    const stop = min(begin + piece, end);
    const x = isSigned<D>() ? q : pairs;
    if (quads > 0) gemm<W, D>(out, x, scale, offset, w, quads, N, G, scratch, begin, stop);
    for (let t = quads << 2; t < T; t++) {
      const group = <usize>(t * G);
      const to = out + (<usize>(t * N) << 2);
      const s = scale + (group << 2);
      const o = offset + (group << 3);
      if (isK<W>()) gemv<W, D>(to, isChain<W, D>() ? pairs + (group << 6) : q + (group << 5), s, o, w, N, G, begin, stop);
      else if (isSigned<W>()) gemv<W, u16>(to, q + (group << 5), s, o, w, N, G, begin, stop);
      else if (isSigned<D>()) gemv<W, D>(to, q + (group << 5), s, o, w, N, G, begin, stop);
      else gemv<W, D>(to, pairs + (group << 6), s, o, w, N, G, begin, stop);
    }
  }
}
