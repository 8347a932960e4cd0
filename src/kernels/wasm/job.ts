import { add } from "./add";
import { addLowRank } from "./add-low-rank";
import { attention } from "./attention";
import { geglu } from "./geglu";
import { linearF32 } from "./linear-f32";
import { linearInt8 } from "./linear-int8";
import { blockBytes } from "./layout";
import { bytesOf } from "./load-rows";
import { packF32, packQ4, packQ8 } from "./pack-rows";
import { quantizeActivations } from "./quantize-activations";
import { repackRows } from "./repack-rows";
import { rmsnorm } from "./rmsnorm";
import { rope } from "./rope";
import { storeKV, storeKVInt8 } from "./store-kv";
import { swiglu } from "./swiglu";

// A job is an operation that several threads share: which kernel, its operands, and the number of its units, any range of which a thread may do.
// It stands in the arena's first page, where the leader writes it (../crew.ts has the same numbers) and all read it:
//
//     JOB   i32 kernel | units | grain | threads | operands: i32, or f32 at the same place
//
// The units of a kernel are its own: blocks of 8 rows, key heads and 8 tokens, tokens, or fours of tokens. No kernel's bits depend on how its units
// are cut (each unit's results are its own), so neither do they on who does them.

export const JOB: usize = 384;

// @ts-ignore: decorator
@inline
function p(i: usize): usize {
  return load<u32>(JOB + 16 + (i << 2));
}
// @ts-ignore: decorator
@inline
function n(i: usize): i32 {
  return load<i32>(JOB + 16 + (i << 2));
}
// @ts-ignore: decorator
@inline
function f(i: usize): f32 {
  return load<f32>(JOB + 16 + (i << 2));
}

/** Units begin … end - 1 of the job, with 32 KiB of scratch that no other thread has. */
export function perform(begin: i32, end: i32, scratch: usize): void {
  const count = end - begin;
  switch (load<i32>(JOB)) {
    case 0: { // linear of int8 rows; blocks of 8 rows
      linearInt8(p(0), p(1), p(2), p(3), p(4), p(5), n(6), n(7), n(8), n(9), n(10), scratch, begin, end);
      break;
    }
    case 1: { // linear of f32 rows; blocks of 8 rows
      linearF32(p(0), p(1), p(2), n(3), n(4), n(5), n(6), scratch, begin, end);
      break;
    }
    case 2: { // attention
      attention(p(0), p(1), p(2), p(3), p(4), p(5), p(6), n(7), n(8), n(9), n(10), n(11), n(12), f(13), n(14), n(15), n(16), n(17), n(18), scratch, begin, end);
      break;
    }
    case 3: { // packRows: out, src, rows, cols, dtype, format; blocks of 8 rows
      pack(p(0), p(1), n(2), n(3), n(4), n(5), scratch, begin, end);
      break;
    }
    case 4: { // repackRows: out, src, rows, blocks of a row, format, bytes of a block, and of 8 rows of the matrix; blocks of 8 rows
      repack(p(0), p(1), n(2), n(3), n(4), n(5), p(6), scratch, begin, end);
      break;
    }
    case 5: { // quantizeActivations: q, scale, offset, pairs, x, T, C, fours; four tokens
      const t = begin << 2;
      const groups = <usize>t * <usize>((n(6) + 31) >> 5);
      const x = p(4) + ((<usize>t * <usize>n(6)) << 2);
      const tokens = min(n(5), end << 2) - t;
      quantizeActivations(p(0) + (groups << 5), p(1) + (groups << 2), p(2) + (groups << 3), p(3) + (groups << 6), x, tokens, n(6), n(7), scratch);
      break;
    }
    case 6: { // rmsnorm: out, x, weight, D, eps (f64 in two words); tokens
      const at = (<usize>begin * <usize>n(3)) << 2;
      rmsnorm(p(0) + at, p(1) + at, p(2), count, n(3), load<f64>(JOB + 32));
      break;
    }
    case 7: { // rope: x, cos, sin, n, heads, dh, half; tokens
      const t = <usize>begin;
      const turned = (t * <usize>n(6)) << 2;
      rope(p(0) + ((t * <usize>(n(3) * n(5))) << 2), p(1) + turned, p(2) + turned, count, n(3), n(4), n(5), n(6));
      break;
    }
    case 8: { // storeKV: k, v, kScale, vScale, table, qkv, H, K, dh, start, blocks; tokens
      const qkv = p(5) + ((<usize>begin * <usize>((n(6) + 2 * n(7)) * n(8))) << 2);
      if (p(2)) storeKVInt8(p(0), p(1), p(2), p(3), p(4), qkv, count, n(6), n(7), n(8), n(9) + begin, n(10));
      else storeKV(p(0), p(1), p(4), qkv, count, n(6), n(7), n(8), n(9) + begin, n(10));
      break;
    }
    case 9: { // swiglu: out, gateUp, F; tokens
      const at = (<usize>begin * <usize>n(2)) << 2;
      swiglu(p(0) + at, p(1) + (at << 1), count, n(2));
      break;
    }
    case 10: { // add: out, a, b, elements of a row; rows
      const at = (<usize>begin * <usize>n(3)) << 2;
      add(p(0) + at, p(1) + at, p(2) + at, count * n(3));
      break;
    }
    case 11: { // geglu: out, x, F, limit; tokens
      const at = (<usize>begin * <usize>n(2)) << 2;
      geglu(p(0) + at, p(1) + (at << 1), count * n(2), f(3));
      break;
    }
    case 12: { // addLowRank: out, N, u, R, b, T, n, r, scale; blocks of 8 rows
      addLowRank(p(0), n(1), p(2), n(3), p(4), n(5), n(6), n(7), f(8), begin, end);
      break;
    }
    default:
      unreachable();
  }
}

/** Of the rows of a block of source the blocks begin … end - 1 of 8 rows. */
function pack(out: usize, src: usize, rows: i32, cols: i32, dtype: i32, format: i32, scratch: usize, begin: i32, end: i32): void {
  const first = begin << 3;
  const some = min(rows, end << 3) - first;
  const from = src + <usize>first * <usize>cols * bytesOf(dtype);
  const groups = <usize>begin * <usize>((cols + 31) >> 5);
  if (format == 0) packF32(out + ((<usize>first * <usize>cols) << 2), from, some * cols, dtype, scratch);
  else if (format == 1) packQ8(out + groups * blockBytes<i8>(), from, some, cols, dtype, scratch);
  else packQ4(out + groups * blockBytes<u8>(), from, some, cols, dtype, scratch);
}

function repack(
  out: usize, src: usize, rows: i32, blocks: i32, format: i32, size: i32, stride: usize, scratch: usize, begin: i32, end: i32,
): void {
  const first = begin << 3;
  const some = min(rows, end << 3) - first;
  out += <usize>begin * stride;
  src += <usize>first * <usize>(blocks * size);
  repackRows(out, src, format, size, some, blocks, scratch);
}
