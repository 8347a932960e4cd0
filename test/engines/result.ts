import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Features } from "../harness.ts";
import type { Tally } from "../runner.ts";

/** What a run on one engine leaves, of which docs/engines.md is made. */
export interface Result {
  engine: string;
  version: string;
  features: Features;
  passed: number;
  failed: number;
  /** "suite: title (skipped: reason)" */
  skipped: string[];
  /** Of `engine.note`. */
  notes: Record<string, string>;
}

export const counts = (result: { passed: number; failed: number; skipped: readonly string[] }): string =>
  `${result.passed} passed, ${result.failed} failed, ${result.skipped.length} skipped`;

export function resultOf(
  engine: { name: string; version: string; features: Features },
  tally: Tally,
  notes: Record<string, string>,
): Result {
  const { name, version, features } = engine;
  const skipped = tally.outcomes.flatMap((outcome) =>
    outcome.kind === "skipped" ? [`${outcome.suite}: ${outcome.title} (skipped: ${outcome.reason})`] : [],
  );
  return { engine: name, version, features, passed: tally.passed, failed: tally.failed, skipped, notes };
}

/** Where PHI_RESULT says, if it does. */
export function leave(result: Result): void {
  const path = process.env.PHI_RESULT;
  if (path === undefined) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(result, undefined, 2)}\n`);
}
