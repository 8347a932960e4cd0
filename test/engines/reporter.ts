import type { Reporter, TestModule } from "vitest/node";
import { detectFeatures } from "./features.ts";
import { counts, leave, type Result } from "./result.ts";

/** vitest's last line, and what the run leaves for docs/engines.md. */
export default class implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): Promise<void> {
    const result: Result = {
      engine: "node",
      version: process.versions.node,
      features: { ...(await detectFeatures()), files: true, workers: true },
      passed: 0,
      failed: errors.length,
      skipped: [],
      notes: {},
    };
    for (const module of modules) {
      // A file that cannot be imported has no tests to fail.
      if (module.state() === "failed" && [...module.children.allTests()].length === 0) result.failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") result.passed++;
        else if (state === "failed") result.failed++;
        else result.skipped.push(test.fullName.replace(" > ", ": "));
        Object.assign(result.notes, test.meta().notes);
      }
    }
    leave(result);
    console.log(counts(result));
  }
}
