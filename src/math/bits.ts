// Exact powers of two and exponents: no arithmetic that rounds.

const view = new DataView(new ArrayBuffer(8));

/** 2^k for -1022 ≤ k ≤ 1023. */
function powerOfTwo(k: number): number {
  view.setUint32(0, (k + 1023) << 20);
  view.setUint32(4, 0);
  return view.getFloat64(0);
}

/** x · 2^k with at most one rounding (none, unless the result is denormal or overflows), for |x| in [1/4, 4) and any integer k. */
export function scale(x: number, k: number): number {
  if (k > 1021) return k > 1100 ? x * Infinity : x * powerOfTwo(1000) * powerOfTwo(k - 1000);
  if (k < -1020) return k < -1200 ? x * 0 : x * powerOfTwo(k + 300) * powerOfTwo(-300);
  return x * powerOfTwo(k);
}

/** A positive finite x as m · 2^k, exactly, with m in [√½, √2). */
export function decompose(x: number): { m: number; k: number } {
  const denormal = x < 2.2250738585072014e-308;
  view.setFloat64(0, denormal ? x * 18014398509481984 : x); // times 2^54
  const high = view.getUint32(0);
  // 0x3fe6a09e is the upper half of √½: adding what it lacks to 1 carries into the exponent for all greater significands.
  const k = ((high + (0x3ff00000 - 0x3fe6a09e)) >> 20) - 1023;
  view.setUint32(0, high - (k << 20));
  return { m: view.getFloat64(0), k: denormal ? k - 54 : k };
}
