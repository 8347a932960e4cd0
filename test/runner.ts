import { assert, type Define, type Engine, type Test } from "./harness.ts";

/** One thing that a run has to tell; drivers print it, or send it to where it is printed. */
export type Outcome = { suite: string; title: string } & (
  | { kind: "passed"; milliseconds: number }
  | { kind: "failed"; error: string }
  | { kind: "skipped"; reason: string }
);

/** Runs the tests of a suite one after the other; one that fails does not stop the next. A suite that cannot be defined counts as one failure. */
export async function runSuite(
  { name, define }: { name: string; define: Define },
  engine: Engine,
  report: (outcome: Outcome) => void | Promise<void>,
): Promise<void> {
  const cases: { title: string; run?: () => void | Promise<void>; reason?: string }[] = [];
  const test: Test = Object.assign(
    (title: string, run: () => void | Promise<void>) => {
      cases.push({ title, run });
    },
    { skip: (title: string, reason: string) => void cases.push({ title, reason }) },
  );
  try {
    await define({ test, assert, engine });
  } catch (error) {
    await report({ suite: name, title: "(its definition)", kind: "failed", error: textOf(error) });
  }
  for (const { title, run, reason } of cases) {
    if (!run) {
      await report({ suite: name, title, kind: "skipped", reason: reason ?? "no reason" });
      continue;
    }
    const start = performance.now();
    try {
      await run();
      await report({ suite: name, title, kind: "passed", milliseconds: performance.now() - start });
    } catch (error) {
      await report({ suite: name, title, kind: "failed", error: textOf(error) });
    }
  }
}

/** The message first: stacks have it in V8 only. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = `${error.name}: ${error.message}`;
  const stack = error.stack ?? "";
  const cause = error.cause === undefined ? "" : `\n  cause: ${error.cause}`;
  return `${stack.includes(error.message) ? stack : `${message}\n${stack}`}${cause}`;
}

/** Counts outcomes and prints them as lines; the last line of every driver is `summary()`. */
export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  readonly outcomes: Outcome[] = [];

  add(outcome: Outcome, print: (line: string) => void = console.log): void {
    this.outcomes.push(outcome);
    this[outcome.kind]++;
    const name = `${outcome.suite}: ${outcome.title}`;
    if (outcome.kind === "skipped") print(`- ${name} (skipped: ${outcome.reason})`);
    if (outcome.kind === "failed") print(`✗ ${name}\n  ${outcome.error.replaceAll("\n", "\n  ")}`);
  }

  get ok(): boolean {
    return this.failed === 0 && this.passed > 0;
  }

  summary(): string {
    return `${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped`;
  }
}
