/** Nibble `n` of a word of 32 bits, from the lowest. */
export const low4 = (word: number, n: number): number => (word >>> (4 * n)) & 15;
