import { freemem } from "node:os";
import { FormatError, SourceError } from "../errors.ts";
import { EVERY_PART } from "../load/every-part.ts";
import { inspectModel } from "../load/plan-model.ts";
import { openCheckpoint } from "../load-phi.ts";
import { isFloat } from "../model/weights.ts";
import { type Command, type Given, UsageError } from "./args.ts";
import { hubOptionsOf } from "./hub.ts";
import { withModel } from "./model.ts";
import { bytesIn, COMMON_OPTIONS, THREADS_OPTION, threadsOf } from "./options.ts";
import { CHECKPOINT, checkpointOf, readGiven } from "./paths.ts";
import { FAILED, INTERRUPTED, OK } from "./program.ts";
import { bytes, interruptible, note, ProgressLine, write } from "./ui.ts";
import { isOneOf, isPublished, recognize } from "./verify/models.ts";
import { AS_IN_THE_FILE, PRECISIONS, type Precision } from "./verify/precision.ts";
import { PUBLISHED_REFERENCE } from "./verify/published.ts";
import { type Case, parseReference } from "./verify/reference.ts";
import { asJson, report } from "./verify/report.ts";
import { nearest, passes, type Verdict, verify as verifyIn } from "./verify/run.ts";

/** Tokens that the cases need at most; no model's is so long that the cache would count. */
const CONTEXT = 512;

/** `phi verify`: a checkpoint against what its model is known to give. */
export const verify: Command = {
  name: "verify",
  summary: "compare a checkpoint with the published outputs of its model",
  usage: "DIR",
  details:
    "Recognizes which published model a checkpoint is, and compares logits and greedy texts with those that the tests of Hugging Face transformers state for it, once for each precision that memory has room for. Exit code 0: all that was compared is within its bounds; 1: something is not, or nothing could be compared. docs/verify.md says what the bounds are, and why.",
  options: [
    CHECKPOINT,
    { name: "precision", value: "LIST", help: "f32, q8, q4, or several with commas (default: all that fit)" },
    { name: "reference", value: "FILE", help: "compare with these outputs instead: JSON as in docs/verify.md" },
    { name: "budget", value: "BYTES", help: "memory that may be taken: 16GB … (default: what is free, less a tenth)" },
    THREADS_OPTION,
    { name: "json", help: "print everything as JSON" },
    ...COMMON_OPTIONS,
  ],
  async run(given) {
    const path = checkpointOf(given);
    const asked = given.text("precision")?.split(",").map(precisionOf);
    const { names, contextLength, float, described } = await look(path);
    const cases = await casesOf(given, names);
    if (cases.length === 0) throw nothingKnown(names, described);
    const precisions = float ? (asked ?? PRECISIONS) : [AS_IN_THE_FILE];
    if (!float && asked) throw new UsageError("--precision is for float checkpoints; this one is quantized already");
    const budget = bytesIn(given, "budget") ?? Math.floor(0.9 * freeMemory());
    const done = await interruptible((signal) =>
      eachPrecision(path, precisions, {
        cases,
        budget,
        contextSize: Math.min(CONTEXT, contextLength),
        threads: threadsOf(given),
        signal,
      }),
    );
    if (done === "interrupted") return INTERRUPTED;
    const compared = done.verdicts.filter((v) => v.left === undefined);
    const pass = compared.length > 0 && compared.every(passes);
    if (given.flag("json")) {
      await write(`${JSON.stringify(asJson(path, names, done.verdicts, pass), undefined, 2)}\n`);
    } else {
      const nearer = names.length > 1 ? "; of several, the one whose figures are nearer" : "";
      const known = `${names.join(" or ")}, by its configuration${nearer}`;
      await write(`${path}: ${names.length > 0 ? known : described}\n`);
      await write(report(done.cases, done.verdicts));
    }
    if (compared.length === 0) note(`phi verify: no precision fits into ${bytes(budget)}; --budget BYTES allows more`);
    return pass ? OK : FAILED;
  },
};

/** Which model a checkpoint is, from its headers. */
async function look(path: string) {
  const { config, plan, files } = await inspectModel(
    await openCheckpoint("phi verify", path, hubOptionsOf(path)),
    EVERY_PART,
  );
  await files.close();
  const matrices = plan.specs.filter((spec) => !isFloat(spec)).map((spec) => files.tensors.get(spec.name));
  return {
    names: recognize(config),
    contextLength: config.contextLength,
    float: matrices.every((info) => info === undefined || ["F32", "F16", "BF16"].includes(info.dtype)),
    described: `${config.modelType} of ${config.layers} layers, hidden ${config.hiddenSize}: no published model's shape`,
  };
}

/** Those that can be of this model; a case of another published model is not. */
async function casesOf(given: Given, names: readonly string[]): Promise<Case[]> {
  const file = given.text("reference");
  if (file === undefined) {
    return parseReference(PUBLISHED_REFERENCE, "the published figures").filter((c) => isOneOf(c.model, names));
  }
  return parseReference(await readReference(file), file).filter(
    (c) => isOneOf(c.model, names) || !isPublished(c.model),
  );
}

async function readReference(file: string): Promise<unknown> {
  const text = await readGiven(file, "the reference");
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError({ what: "not JSON", file, got: (cause as Error).message, cause });
  }
}

function nothingKnown(names: readonly string[], described: string): SourceError {
  const what =
    names.length > 0 ? `no outputs of ${names.join(" or ")} are published that could be compared` : described;
  return new SourceError(
    { what: `${what}; with --reference FILE it is compared with outputs of your own (docs/verify.md)` },
    "no_reference",
  );
}

interface Run {
  cases: readonly Case[];
  budget: number;
  contextSize: number;
  threads: ReturnType<typeof threadsOf>;
  signal: AbortSignal;
}

/** Every precision, one after the other. Where several models have the same shape, the first one says whose figures are nearest. */
async function eachPrecision(
  path: string,
  precisions: readonly Precision[],
  { cases, budget, contextSize, threads, signal }: Run,
): Promise<{ cases: readonly Case[]; verdicts: Verdict[] }> {
  const line = new ProgressLine();
  const verdicts: Verdict[] = [];
  let left = cases;
  for (const precision of precisions) {
    const verdict = await verifyIn({
      ...{ path, precision, cases: left, budget, contextSize, signal },
      load: (options, use) => withModel(path, { ...options, threads }, (phi) => use(phi)),
      show: (text) => line.show(text),
    }).finally(() => line.clear());
    verdicts.push(verdict);
    left = nearest(left, verdict);
    for (const v of verdicts) v.outcomes = v.outcomes.filter((o) => left.includes(o.case));
  }
  return { cases: left, verdicts };
}

function precisionOf(name: string): Precision {
  const found = PRECISIONS.find((p) => p.name === name.trim());
  if (found) return found;
  throw new UsageError(`--precision is one or several of ${PRECISIONS.map((p) => p.name).join(", ")}, got "${name}"`);
}

/** Bytes that are free on the machine, or in the container (Node 22 tells of it). */
function freeMemory(): number {
  const { availableMemory } = process as { availableMemory?: () => number };
  return availableMemory ? Math.min(freemem(), availableMemory()) : freemem();
}
