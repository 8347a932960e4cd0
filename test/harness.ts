import { type Assert, assert } from "./assert.ts";

/**
 * A suite is a function of { test, assert, engine }, and knows neither a test runner nor an engine. The driver of an engine
 * (test/engines) gives it these: vitest's registers the tests at once, every other collects the suites and runs them by test/runner.ts.
 */
export interface Harness {
  test: Test;
  assert: Assert;
  engine: Engine;
}

export type Test = ((title: string, run: () => void | Promise<void>) => void) & {
  /** A test that cannot run here; the reason is printed. */
  skip(title: string, reason: string): void;
};

/** Where the suite runs. */
export interface Engine {
  /** "node", "bun", "deno", "workerd", "chromium", "firefox" */
  name: string;
  version: string;
  /** True under vitest, whose timing and module transforms differ from a plain run. */
  vitest: boolean;
  features: Features;
  /** A file of the project by its path from the root, or "shared/…": data beside the project. Rejects where it is not there. */
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Names of the files of a folder, sorted; none where it is not there. */
  list(folder: string): Promise<string[]>;
  /** Address of the tests' web server (test/source/http-server.ts), without a slash at its end. */
  server(): Promise<string>;
  /** Something that the report of a run keeps (docs/engines.md): a hash, by its name. */
  note(name: string, value: string): void;
}

/** What the engine can do, found out by trying (test/engines/features.ts). */
export interface Features {
  /** Paths of a file system can be opened. */
  files: boolean;
  /** Threads can be started: `Worker`, or Node's `worker_threads`. */
  workers: boolean;
  /** WebAssembly memories can be shared between threads. */
  sharedMemory: boolean;
  /** The thread of the tests may wait for another: a page's own may not. */
  waits: boolean;
  simd: boolean;
  relaxedSimd: boolean;
  /** WebAssembly may be compiled from bytes while a test runs; else modules must be given. */
  compileBytes: boolean;
}

export type Define = (harness: Harness) => void | Promise<void>;

/** The suites that wait for a runner, in the order in which their files were imported. */
export const suites: { name: string; define: Define }[] = [];

let register = (name: string, define: Define): void => {
  suites.push({ name, define });
};

/** Sends suites elsewhere from now on: vitest registers them itself. */
export function registerWith(driver: typeof register): void {
  register = driver;
}

/** `define` may wait for fixtures of which it makes tests; inside of tests everything may. */
export function suite(name: string, define: Define): void {
  register(name, define);
}

/** `test`, or a skip of every title where there is a reason for it. */
export const unless =
  (reason: string | undefined, test: Test) =>
  (title: string, run: () => void | Promise<void>): void =>
    reason === undefined ? test(title, run) : test.skip(title, reason);

export { assert };
