import type { Seen } from "./stub.ts";

/** What the token at position i sees: see the stub. */
export function seen(i: number, W: number): Seen {
  return { from: W > 0 ? Math.max(0, i - W + 1) : 0, to: i };
}

/** Which position each place of a ring holds after position i was stored: see the stub. */
export function ring(i: number, W: number): number[] {
  return Array.from({ length: W }, (_, place) => {
    const back = (((i - place) % W) + W) % W; // so many positions ago this place was written last
    return i - back >= 0 ? i - back : -1;
  });
}

/** How many blocks at the beginning can be given back: see the stub. */
export function blocksToGiveBack(i: number, W: number, B: number): number {
  return Math.floor(seen(i, W).from / B); // later tokens see only later ones
}
