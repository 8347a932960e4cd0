import { Worker } from "node:worker_threads";
import type { WasmBuild } from "../../src/kernels/index.ts";
import { type DotForm, FORM } from "../../src/kernels/simd.ts";
import { assemble } from "../assemble.ts";
import { takeParts, WORDS, WORK } from "./parts.mjs";
import { dotMacs, PROBE_SOURCE } from "./probe.ts";

/** More than the caches of any machine we know hold, read round and round. */
const BYTES = 512 << 20;
/** What a thread takes at a time. */
const PART = 1 << 20;
/** A pass reads 64 MiB: 3 to 8 ms. */
const PASS = 64;
/** 0.2 to 0.5 ms. */
const DOTS = 800;
const SPOT = 8192;

type Exports = Record<string, (...args: number[]) => number>;

/** The limits of `threads` threads at once: this one, and helpers that sleep between passes. */
export class ProbeTeam {
  readonly threads: number;
  readonly #words = new Int32Array(new SharedArrayBuffer(64));
  readonly #helpers: Worker[] = [];
  readonly #probe: Exports;
  readonly #begin: number;
  #next = 0;

  private constructor(threads: number, module: WebAssembly.Module) {
    this.threads = threads;
    this.#begin = 65536 + threads * SPOT;
    const pages = Math.ceil((this.#begin + BYTES) / 65536);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    // Fresh pages are all one page of zeros until they are written.
    const bytes = new Uint8Array(memory.buffer);
    for (let at = 0; at < bytes.length; at += 4096) bytes[at] = at >> 12;
    this.#probe = new WebAssembly.Instance(module, { env: { memory } }).exports as Exports;
    for (let i = 1; i < threads; i++) {
      const workerData = { memory, module, words: this.#words, spot: 65536 + i * SPOT, begin: this.#begin };
      this.#helpers.push(new Worker(new URL("./parts.mjs", import.meta.url), { workerData }));
    }
  }

  static async open(threads: number, build: WasmBuild): Promise<ProbeTeam> {
    const team = new ProbeTeam(threads, new WebAssembly.Module(await assemble(PROBE_SOURCE, build, { shared: true })));
    await Promise.all(team.#helpers.map((helper) => new Promise((online) => helper.once("online", online))));
    return team;
  }

  /** One pass over 64 MiB that no cache holds, in GB/s. */
  stream(streams: 1 | 4): number {
    const first = this.#next;
    this.#next = (first + PASS) % (BYTES / PART);
    const ms = this.#run(streams === 1 ? WORK.STREAM_ONE : WORK.STREAM_FOUR, first, PASS, PART);
    return (PASS * PART) / ms / 1e6;
  }

  /** Some milliseconds of dot products of a form, in GMAC/s. */
  dots(form: DotForm): number {
    const parts = 20 * this.threads;
    return (dotMacs(form, DOTS) * parts) / this.#run(WORK.DOTS + FORM[form], 0, parts, DOTS) / 1e6;
  }

  /** Milliseconds that all threads take together, from when the last of them is awake. */
  #run(what: number, first: number, parts: number, size: number): number {
    const words = this.#words;
    words.set([0, 0, what, parts, first, size, 0], WORDS.DONE);
    const work = Atomics.add(words, WORDS.GO, 1) + 1;
    Atomics.notify(words, WORDS.GO);
    while (Atomics.load(words, WORDS.HERE) < this.#helpers.length);
    const start = performance.now();
    Atomics.store(words, WORDS.START, work);
    takeParts(words, this.#probe, 65536, this.#begin);
    while (Atomics.load(words, WORDS.DONE) < this.#helpers.length);
    return performance.now() - start;
  }

  async close(): Promise<void> {
    this.#words[WORDS.WHAT] = WORK.END;
    Atomics.add(this.#words, WORDS.GO, 1);
    Atomics.notify(this.#words, WORDS.GO);
    await Promise.all(this.#helpers.map((helper) => helper.terminate()));
  }
}
