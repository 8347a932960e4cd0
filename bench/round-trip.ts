// How far two cores are from each other: those of a virtual machine may share a cache or not, and that can change while a bench runs.
import { Worker } from "node:worker_threads";

const TIMES = 100;
/** So long it tries, and longer where the two threads have not run at the same time yet. */
const ENOUGH_MS = 20;
const MOST_MS = 2000;
/** No two cores are as far from each other. */
const FAR_MS = 0.002;

/** In a thread of its own: answers each odd number with the next, until there is -1. */
const ANSWERER = `
  const word = new Int32Array(require("node:worker_threads").workerData);
  Atomics.store(word, 16, 1);
  for (let seen = 0; seen >= 0; seen = Atomics.load(word, 0)) if (seen & 1) Atomics.store(word, 0, seen + 1);
`;

/**
 * Nanoseconds in which a word goes from one core to another and back, the best of some tries. On an AMD EPYC about 105 between cores that share a
 * third-level cache, and 330 and more between those of two. What threads share is as far away. Undefined where other programs left no two cores.
 */
export async function roundTrip(): Promise<number | undefined> {
  const word = new Int32Array(new SharedArrayBuffer(128));
  const worker = new Worker(ANSWERER, { eval: true, workerData: word.buffer });
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  while (Atomics.load(word, 16) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  let best = Infinity;
  const begin = performance.now();
  const passed = () => performance.now() - begin;
  for (let next = 1; passed() < ENOUGH_MS || (best > FAR_MS && passed() < MOST_MS); ) {
    const start = performance.now();
    for (const end = next + 2 * TIMES; next < end; next += 2) {
      Atomics.store(word, 0, next);
      while (Atomics.load(word, 0) === next);
    }
    best = Math.min(best, (performance.now() - start) / TIMES);
  }
  Atomics.store(word, 0, -1);
  await ended;
  return best > FAR_MS ? undefined : Math.round(best * 1e6);
}
