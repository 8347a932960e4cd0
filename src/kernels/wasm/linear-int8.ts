import { NARROW, PAIRS } from "./dot";
import { gemm } from "./gemm";
import { gemv } from "./gemv";
import { gemmK } from "./gemm-k";
import { gemvK, isChain } from "./gemv-k";
import { kBytes, Q4K, Q4X, Q5K, Q6K } from "./k-formats";
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
 * @param form one that this build has; q8 has no NARROW and takes PAIRS, and the rarer K-formats take that always
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
  else if (format == Q4K) linearK<u32, u16>(out, q, pairs, scale, offset, w, format, T, N, G, scratch, begin, end);
  else if (format == Q5K) linearK<u64, u16>(out, q, pairs, scale, offset, w, format, T, N, G, scratch, begin, end);
  else if (format == Q6K) linearK<f64, u16>(out, q, pairs, scale, offset, w, format, T, N, G, scratch, begin, end);
  else if (format == Q4X) linearK<v128, u16>(out, q, pairs, scale, offset, w, format, T, N, G, scratch, begin, end);
  else gemmK<u16>(out, pairs, q, scale, offset, w, format, T >> 2, T & 3, N, G, scratch, begin, end);
}

/** The forms that need relaxed SIMD. Exported, so that no function that strict has, too, is compiled together with it (scripts/build-wasm.mjs). */
export function linearRelaxed(
  out: usize, q: usize, pairs: usize, scale: usize, offset: usize, w: usize, format: i32, T: i32, N: i32, G: i32,
  form: i32, scratch: usize, begin: i32, end: i32,
): void {
  if (form == NARROW) {
    if (format == Q4) linear<u8, i16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
    else if (format == Q4Z) linear<u16, i16>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
    else if (format == Q4K) linearK<u32, i16>(out, q, pairs, scale, offset, w, format, T, N, G, scratch, begin, end);
    else if (format == Q5K) linearK<u64, i64>(out, q, pairs, scale, offset, w, format, T, N, G, scratch, begin, end);
    else linearK<f64, i64>(out, q, pairs, scale, offset, w, format, T, N, G, scratch, begin, end);
  } else if (format == Q4) linear<u8, i32>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q4Z) linear<u16, i32>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q8) linear<i8, i32>(out, q, pairs, scale, offset, w, T, N, G, scratch, begin, end);
  else if (format == Q4K) linearK<u32, i32>(out, q, pairs, scale, offset, w, format, T, N, G, scratch, begin, end);
  else if (format == Q5K) linearK<u64, i32>(out, q, pairs, scale, offset, w, format, T, N, G, scratch, begin, end);
  else linearK<f64, i32>(out, q, pairs, scale, offset, w, format, T, N, G, scratch, begin, end);
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
      if (isSigned<W>()) gemv<W, u16>(to, q + (group << 5), s, o, w, N, G, scratch, begin, stop);
      else if (isSigned<D>()) gemv<W, D>(to, q + (group << 5), s, o, w, N, G, scratch, begin, stop);
      else gemv<W, D>(to, pairs + (group << 6), s, o, w, N, G, scratch, begin, stop);
    }
  }
}

/** The same of the K-formats that files mostly have. Others unpack their weights for single tokens, too. */
function linearK<W, D>(
  out: usize, q: usize, pairs: usize, scale: usize, offset: usize, w: usize, format: i32, T: i32, N: i32, G: i32,
  scratch: usize, begin: i32, end: i32,
): void {
  const quads = T >> 2;
  const piece = T == 1 ? end - begin : max(2, <i32>(PIECE / kBytes(format, G)));
  for (; begin < end; begin += piece) {
    const stop = min(begin + piece, end);
    if (quads > 0) gemmK<D>(out, isSigned<D>() ? q : pairs, q, scale, offset, w, format, quads, 0, N, G, scratch, begin, stop);
    for (let t = quads << 2; t < T; t++) {
      const group = <usize>(t * G);
      const to = out + (<usize>(t * N) << 2);
      const x = isChain<W, D>() ? pairs + (group << 6) : q + (group << 5);
      gemvK<W, D>(to, x, scale + (group << 2), offset + (group << 3), w, N, G, scratch, begin, stop);
    }
  }
}
