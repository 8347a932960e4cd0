// vitest's driver, its setup file: every suite becomes a `describe` with the tests in it.
import { describe, type TestContext, test } from "vitest";
import { assert, registerWith, type Test } from "../harness.ts";
import { diskEngine } from "./disk.ts";

declare module "vitest" {
  interface TaskMeta {
    /** What the test has told by `engine.note`; test/engines/reporter.ts collects it. */
    notes?: Record<string, string>;
  }
}

/** The test that runs now: those of a file run one after the other. */
let running: TestContext["task"] | undefined;

const engine = await diskEngine({
  vitest: true,
  note(name, value) {
    if (running) running.meta.notes = { ...running.meta.notes, [name]: value };
  },
});

const register: Test = Object.assign(
  (title: string, run: () => void | Promise<void>) =>
    test(title, ({ task }) => {
      running = task;
      return run();
    }),
  {
    skip: (title: string, reason: string) => test.skip(`${title} (skipped: ${reason})`, () => {}),
  },
);

registerWith((name, define) => describe(name, () => define({ test: register, assert, engine })));
