import { bytes } from "../ui.ts";
import { LOOKED_AT } from "./compare.ts";
import type { Precision } from "./precision.ts";
import type { Case, LogitsCase, TextCase } from "./reference.ts";
import { type Outcome, passes, type Verdict } from "./run.ts";

/** The verdicts as tables for people: one for each case, a row for each precision. */
export function report(cases: readonly Case[], verdicts: readonly Verdict[]): string {
  const lines: string[] = [];
  for (const c of cases) {
    lines.push("", ...(c.kind === "logits" ? logitsHead(c) : textHead(c)));
    for (const v of verdicts) {
      const outcome = v.outcomes.find((o) => o.case === c);
      lines.push(`${v.precision.name.padEnd(9)}  ${outcome ? rowOf(v.precision, outcome) : leftOut(v)}`);
    }
  }
  lines.push("", ...verdicts.map((v) => `${v.precision.name.padEnd(9)}  ${verdictOf(v)}`));
  return `${lines.join("\n")}\n`;
}

const verdictOf = (v: Verdict): string => (v.left ? "not compared" : passes(v) ? "PASS" : "FAIL");

function logitsHead(c: LogitsCase): string[] {
  const figures = c.logits.reduce((sum, row) => sum + row.length, 0);
  return [
    `${c.model}: ${figures} logits at ${c.positions.length} of ${c.ids.length} positions`,
    `(${c.source}; ${c.arithmetic})`,
    "precision    max |Δ|  mean |Δ|  of spread  greatest  bound",
  ];
}

function textHead(c: TextCase): string[] {
  return [
    `${c.model}: text of at most ${c.maxTokens} tokens`,
    `(${c.source}; ${c.arithmetic})`,
    "precision  tokens equal  where it parts: our token above theirs by, bound",
  ];
}

function rowOf({ share, gap }: Precision, outcome: Outcome): string {
  if ("skipped" in outcome) return `not compared: ${outcome.skipped}`;
  const verdict = outcome.pass ? "pass" : "FAIL";
  if ("text" in outcome) {
    const { agreed, tokens, equal, gap: parts } = outcome.text;
    const apart =
      parts === "none"
        ? `none of our ${LOOKED_AT} likeliest goes on as it does`
        : `${parts?.toFixed(3)}, at most ${gap}`;
    const how = equal ? "equal to the end" : apart;
    return `${`${agreed} of ${tokens}`.padStart(12)}  ${how}: ${verdict}`;
  }
  const { max, mean, relative, beyond, figures, top, rows } = outcome.logits;
  const c = outcome.case as LogitsCase;
  const bound =
    share === undefined
      ? `|Δ| ≤ ${c.atol} + ${c.rtol}·|x|${beyond > 0 ? `, not at ${beyond} of ${figures}` : ""}`
      : `${percent(share)} of spread`;
  const numbers = [small(max).padStart(9), small(mean).padStart(9), percent(relative).padStart(10)];
  return `${numbers.join(" ")}  ${`${top} of ${rows}`.padStart(8)}  ${bound}: ${verdict}`;
}

const leftOut = ({ bytes: needed, left = "" }: Verdict): string =>
  left === "memory" ? `not compared: it takes ${bytes(needed)} of memory (--budget)` : `not compared: ${left}`;

const small = (delta: number): string => (delta < 1e-3 ? delta.toExponential(1) : delta.toPrecision(3));

const percent = (share: number): string =>
  share < 1e-5 ? "< 0.001 %" : `${share < 0.1 ? (100 * share).toPrecision(2) : (100 * share).toFixed(0)} %`;

/** The verdicts for programs. */
export function asJson(model: string, recognized: readonly string[], verdicts: readonly Verdict[], pass: boolean) {
  return {
    model,
    recognized,
    pass,
    precisions: verdicts.map(({ precision, bytes, left, outcomes }) => ({
      precision: precision.name,
      bytes,
      ...(left ? { left } : { pass: passes({ outcomes }) }),
      bounds: { ...(precision.share !== undefined && { share: precision.share }), gap: precision.gap },
      cases: outcomes.map(({ case: c, ...outcome }) => ({
        model: c.model,
        kind: c.kind,
        source: c.source,
        ...outcome,
      })),
    })),
  };
}
