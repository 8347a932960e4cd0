/** Milliseconds of each piece of work, of all rounds, sorted. */
export type Times = Readonly<Record<string, Float64Array>>;

/**
 * Does all pieces of work in turn, round after round, so that what else the machine does falls on all of them alike. A piece should take about a
 * millisecond: a longer one is rarely left alone.
 * @param runs called with the number of the round
 */
export function alternate(runs: Readonly<Record<string, (round: number) => void>>, rounds: number): Times {
  const times = Object.fromEntries(Object.keys(runs).map((name) => [name, new Float64Array(rounds)]));
  const warm = performance.now() + 300; // until the optimizing compiler is through
  for (let round = 0; round < 3 || performance.now() < warm; round++) for (const run of Object.values(runs)) run(round);
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(runs)) {
      const start = performance.now();
      run(round);
      times[name][round] = performance.now() - start;
    }
  }
  for (const all of Object.values(times)) all.sort();
  return times;
}

/** The time that a part of the rounds did not exceed: 0.5 is the median. */
export const quantile = (times: Float64Array, part: number): number => times[Math.floor((times.length - 1) * part)];
