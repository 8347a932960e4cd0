import { type Arena, KERNEL_RESERVE, type Tensor } from "../../src/tensor/index.ts";
import type { Assert } from "../assert.ts";

/** Half the gap between 1 and the next float32: the greatest relative error of one rounding. */
export const EPS = 2 ** -24;
/** The gap between denormal float32. */
export const TINY = 2 ** -149;

/** |got - expected| ≤ relative · |expected| + absolute, element by element; NaN and ±∞ (also what float32 rounds to it) only equal themselves. */
export function near(
  assert: Assert,
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  relative: number,
  absolute = TINY,
  note = "",
): void {
  assert.equal(got.length, expected.length, note);
  for (let i = 0; i < got.length; i++) {
    const want = Number.isFinite(Math.fround(expected[i])) ? expected[i] : Math.fround(expected[i]);
    if (Object.is(got[i], want)) continue;
    const error = Math.abs(got[i] - want);
    const bound = relative * Math.abs(want) + absolute;
    if (!(error <= bound)) assert.atMost(error, bound, `${note} [${i}]: got ${got[i]}, expected ${want}, off by`);
  }
}

/** Runs a kernel and sees that no byte of the arena changed but those of `outputs` and of the page that belongs to the kernels. */
export function onlyWrites(
  assert: Assert,
  arena: Arena,
  outputs: readonly Pick<Tensor, "ptr" | "byteLength">[],
  run: () => void,
): void {
  const now = new Uint32Array(arena.buffer);
  const before = now.slice();
  run();
  const ranges = outputs.map((t) => [t.ptr / 4, (t.ptr + t.byteLength) / 4]).sort((a, b) => a[0] - b[0]);
  let at = KERNEL_RESERVE / 4;
  for (const [from, to] of [...ranges, [now.length, now.length]]) {
    for (; at < from; at++) if (now[at] !== before[at]) assert.equal(now[at], before[at], `the word at byte ${4 * at}`);
    at = to;
  }
}

/** The bits of a tensor of 32-bit elements, as a copy. */
export function bitsOf(t: Tensor): Int32Array {
  return new Int32Array(t.arena.buffer, t.ptr, t.size).slice();
}

/** FNV-1a over the bits, as 8 hexadecimal digits. */
export function hash(bits: Int32Array): string {
  let h = 0x811c9dc5;
  for (const word of bits) {
    for (let shift = 0; shift < 32; shift += 8) h = Math.imul(h ^ ((word >>> shift) & 255), 0x01000193);
  }
  return (h >>> 0).toString(16).padStart(8, "0");
}
