import { estimate, type Phi } from "../../index.ts";
import { hubOptionsOf } from "../hub.ts";
import type { withModel } from "../model.ts";
import { type Continuation, compareLogits, compareText, type Deviation, logitsPass, textPasses } from "./compare.ts";
import { isPublished } from "./models.ts";
import type { Precision } from "./precision.ts";
import type { Case, LogitsCase } from "./reference.ts";

/** A case as one precision has it. */
export type Outcome =
  | { case: Case; pass: boolean; logits: Deviation }
  | { case: Case; pass: boolean; text: Continuation }
  /** Not compared, and why. */
  | { case: Case; skipped: string };

/** What became of a precision; without outcomes it was left out, for the reason that `left` gives. */
export interface Verdict {
  precision: Precision;
  /** Bytes that it takes in memory. */
  bytes: number;
  left?: string;
  outcomes: Outcome[];
}

/** Whether all that was compared is within its bounds, and something was. */
export function passes({ outcomes }: Pick<Verdict, "outcomes">): boolean {
  const compared = outcomes.filter((o) => "pass" in o);
  return compared.length > 0 && compared.every((o) => o.pass);
}

type Use<T> = (phi: Phi) => Promise<T>;

export interface Job {
  path: string;
  precision: Precision;
  cases: readonly Case[];
  /** Bytes that a model may take. */
  budget: number;
  contextSize: number;
  /** Loads, uses and disposes. */
  load: <T>(options: Parameters<typeof withModel>[1], use: Use<T>) => Promise<T>;
  show: (text: string) => void;
  signal?: AbortSignal;
}

/** All cases in one precision. */
export async function verify(job: Job): Promise<Verdict> {
  const { precision, contextSize, budget } = job;
  const options = { ...precision.load, contextSize };
  const { memory } = await estimate(job.path, { ...options, ...hubOptionsOf(job.path) });
  const nothing = { precision, bytes: memory.total, outcomes: [] };
  if (memory.total > budget) return { ...nothing, left: "memory" };
  const outcomes = await job.load(options, async (phi) => {
    const done: Outcome[] = [];
    for (const c of job.cases) done.push(await outcomeOf(phi, c, job));
    return done;
  });
  return { ...nothing, outcomes };
}

async function outcomeOf(phi: Phi, c: Case, { precision, contextSize, show, signal }: Job): Promise<Outcome> {
  const V = phi.config.vocabSize;
  const where = `${precision.name}: ${c.model}`;
  if (c.kind === "logits") {
    const skipped = outside(c, V, contextSize);
    if (skipped) return { case: c, skipped };
    show(`${where}: logits of ${c.ids.length} tokens`);
    const logits = compareLogits(c, await phi.forward(c.ids, { logits: "all", signal }), V);
    return { case: c, logits, pass: logitsPass(precision, logits) };
  }
  if (!hasTokenizer(phi)) return { case: c, skipped: "the checkpoint has no tokenizer" };
  const onToken = (n: number) => show(`${where}: text, token ${n} of ${c.maxTokens}`);
  const text = await compareText(phi, c, { signal, onToken });
  return { case: c, text, pass: textPasses(precision, text) };
}

/** Why figures cannot be those of a model with V tokens. */
function outside({ ids, logits }: LogitsCase, V: number, contextSize: number): string | undefined {
  if (ids.length > contextSize) return `its ${ids.length} tokens are more than the model's context`;
  if (ids.some((id) => id >= V)) return `it has ids from ${V} on, which the model does not have`;
  if (logits.some((row) => row.length > V)) return `it has more logits than the model's ${V} tokens`;
  return undefined;
}

function hasTokenizer(phi: Phi): boolean {
  try {
    return phi.tokenizer !== undefined;
  } catch {
    return false;
  }
}

/** Of the cases of several models, those of the one whose logits deviate least. */
export function nearest(cases: readonly Case[], { outcomes }: Pick<Verdict, "outcomes">): readonly Case[] {
  let best: { model: string; relative: number } | undefined;
  for (const o of outcomes) {
    if (!("logits" in o) || !isPublished(o.case.model)) continue;
    if (!best || o.logits.relative < best.relative) best = { model: o.case.model, relative: o.logits.relative };
  }
  return best ? cases.filter((c) => c.model === best.model || !isPublished(c.model)) : cases;
}
