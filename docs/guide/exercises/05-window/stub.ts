/** The first and the last position that a token sees. */
export interface Seen {
  from: number;
  to: number;
}

/**
 * What the token at position i sees through a window of W keys: itself and the W - 1 before it, or as many as there are. W = 0: all before it.
 */
export function seen(i: number, W: number): Seen {
  void W;
  return { from: 0, to: i };
}

/**
 * A cache that is a ring of W places: position p lies at place p mod W, and the newest token takes the place of the one that nobody sees any more.
 * Which position each place holds after position i was stored; -1 for a place that was never used.
 */
export function ring(i: number, W: number): number[] {
  void i;
  return new Array<number>(W).fill(-1);
}

/**
 * A cache of blocks of B positions, block b holding b·B … b·B + B - 1: how many blocks at the beginning the tokens from position i on can do
 * without, because no token from i on sees anything in them.
 */
export function blocksToGiveBack(i: number, W: number, B: number): number {
  void [i, W, B];
  return 0;
}
