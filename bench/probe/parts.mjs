// One thread of a ProbeTeam (team.ts): the leader calls takeParts(); a helper runs this file as its worker. Plain JavaScript, since Node 20
// starts no worker from TypeScript.
import { isMainThread, workerData } from "node:worker_threads";

/** Places of the control words, i32 [9]. GO and START hold the number of the work, HERE how many helpers are awake for it. */
export const WORDS = { GO: 0, DONE: 1, NEXT: 2, WHAT: 3, PARTS: 4, FIRST: 5, SIZE: 6, HERE: 7, START: 8 };

/** Kinds of work: WHAT. From DOTS on, the number of a form of the dot product is added. */
export const WORK = { END: 0, STREAM_ONE: 1, STREAM_FOUR: 2, DOTS: 3 };

/**
 * Takes parts of the work until none is left: a slow thread does not hold up a fast one, as in the library.
 * @param {Int32Array} words
 * @param {Record<string, (...args: number[]) => number>} probe exports of wasm/limits.ts
 * @param {number} spot of this thread's own, for operands of dot products: 8 KiB
 * @param {number} begin where the memory to be read begins
 */
export function takeParts(words, probe, spot, begin) {
  const [what, parts, first, size] = [words[WORDS.WHAT], words[WORDS.PARTS], words[WORDS.FIRST], words[WORDS.SIZE]];
  for (let i = Atomics.add(words, WORDS.NEXT, 1); i < parts; i = Atomics.add(words, WORDS.NEXT, 1)) {
    if (what === WORK.STREAM_ONE) probe.streamOne(begin + (first + i) * size, size);
    else if (what === WORK.STREAM_FOUR) probe.streamFour(begin + (first + i) * size, size);
    else probe.dots(spot, size, what - WORK.DOTS);
  }
}

function help({ memory, module, words, spot, begin }) {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  for (let seen = 0; ; ) {
    Atomics.wait(words, WORDS.GO, seen);
    seen = Atomics.load(words, WORDS.GO);
    if (words[WORDS.WHAT] === WORK.END) return;
    // How long a thread takes to wake up is no limit of the machine.
    Atomics.add(words, WORDS.HERE, 1);
    while (Atomics.load(words, WORDS.START) !== seen);
    takeParts(words, exports, spot, begin);
    Atomics.add(words, WORDS.DONE, 1);
  }
}

if (!isMainThread && workerData?.spot !== undefined) help(workerData);
