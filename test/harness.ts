import { type Assert, assert } from "./assert.ts";

/**
 * A suite is a function of { test, assert, engine }, and knows no test runner. Under vitest (its globals are present) it registers its
 * tests there; under any other engine `test/run.ts` collects them and runs them one after the other.
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
  /** "node", "bun", "deno" … */
  name: string;
  version: string;
  /** True under vitest, whose timing and module transforms differ from a plain run. */
  vitest: boolean;
}

export interface Case {
  suite: string;
  title: string;
  run?: () => void | Promise<void>;
  skip?: string;
}

/** What suites have registered, for `test/run.ts`. */
export const cases: Case[] = [];

interface Vitest {
  describe(title: string, run: () => void): void;
  test: ((title: string, run: () => void | Promise<void>) => void) & { skip(title: string, run: () => void): void };
}

function engineHere(vitest: boolean): Engine {
  const versions = (globalThis as { process?: { versions?: Record<string, string> } }).process?.versions ?? {};
  const name = ["bun", "deno", "node"].find((n) => versions[n] !== undefined) ?? "unknown";
  return { name, version: versions[name] ?? "", vitest };
}

export function suite(name: string, define: (harness: Harness) => void): void {
  const vitest = globalThis as unknown as Partial<Vitest>;
  if (vitest.describe && vitest.test) {
    const { test } = vitest;
    const register: Test = (title, run) => test(title, run);
    register.skip = (title, reason) => test.skip(`${title} (skipped: ${reason})`, () => {});
    vitest.describe(name, () => define({ test: register, assert, engine: engineHere(true) }));
    return;
  }
  const register: Harness["test"] = (title, run) => {
    cases.push({ suite: name, title, run });
  };
  register.skip = (title, reason) => {
    cases.push({ suite: name, title, skip: reason });
  };
  define({ test: register, assert, engine: engineHere(false) });
}
