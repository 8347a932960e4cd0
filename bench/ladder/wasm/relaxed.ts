// The rungs that need relaxed SIMD, by the type of the dot product: i16 is NARROW, i32 is WIDE (src/kernels/wasm/dot.ts).
import { fourTokens } from "./four-tokens";
import { relaxed } from "./one-stream";

export function narrow(
  out: usize, q: usize, _pairs: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32,
): void {
  relaxed<i16>(out, q, scale, offset, w, T, N, G);
}

export function wide(
  out: usize, q: usize, _pairs: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32,
): void {
  relaxed<i32>(out, q, scale, offset, w, T, N, G);
}

export function fourTokensNarrow(
  out: usize, q: usize, _pairs: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32,
): void {
  fourTokens<i16>(out, q, scale, offset, w, T, N, G);
}

export function fourTokensWide(
  out: usize, q: usize, _pairs: usize, scale: usize, offset: usize, w: usize, T: i32, N: i32, G: i32,
): void {
  fourTokens<i32>(out, q, scale, offset, w, T, N, G);
}
