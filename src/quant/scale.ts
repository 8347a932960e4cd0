/** The smallest f16 above zero. */
export const SMALLEST = 2 ** -24;

/** The f16 bits that mark a group which its format cannot hold (infinite, NaN or far too large weights); see check.ts. */
export const NAN_SCALE = 0x7e00;

/** f16 bits of a scale, held between the smallest and the largest magnitude of a finite f16 that is not zero. */
export const scaleBits = (bits: number): number => (bits & 0x8000) | Math.min(0x7bff, Math.max(0x0001, bits & 0x7fff));
