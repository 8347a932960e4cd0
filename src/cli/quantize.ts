import { existsSync } from "node:fs";
import { rename, rm, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { createFolder, openPath } from "#platform";
import { SourceError } from "../errors.ts";
import { type Quantized, type QuantizeProgress, quantizeCheckpoint } from "../quantize/index.ts";
import { type Command, type Given, UsageError } from "./args.ts";
import { hubOptionsOf } from "./hub.ts";
import { COMMON_OPTIONS, choiceOf, THREADS_OPTION, threadsOf, wholeOf } from "./options.ts";
import { CHECKPOINT, checkpointOf, outputOf, readGiven } from "./paths.ts";
import { INTERRUPTED, OK } from "./program.ts";
import { bytes, count, dim, interruptible, note, ProgressLine } from "./ui.ts";

const FORMATS = ["q4", "q8"] as const;

/** `phi quantize`: a checkpoint to one packed file. */
export const quantize: Command = {
  name: "quantize",
  summary: "make one packed file of a checkpoint, with calibrated 4-bit weights",
  usage: "DIR -o FILE.safetensors",
  details:
    "Weights are quantized by what they do to texts that the model writes itself, which takes minutes to hours; --fast only searches scales, as loading does. Finished work is kept in FILE.safetensors.partial until the file is done: stopped by Ctrl-C or killed, the same command goes on from there, to the same bytes.",
  options: [
    CHECKPOINT,
    { name: "output", short: "o", value: "FILE", help: "the file to write" },
    { name: "weights", value: "FORMAT", help: "q4 or q8: the layers' matrices (default: q4)" },
    { name: "embedding", value: "FORMAT", help: "q4 or q8: embedding and output layer (default: as the weights)" },
    { name: "fast", help: "no calibration: the search that loading does" },
    { name: "text", value: "FILE", help: "calibrate on this text (default: on what the model writes)" },
    { name: "tokens", value: "N", help: "calibrate on N tokens (default: 16384)" },
    { name: "seed", value: "N", help: "of the texts that the model writes (default: 0)" },
    THREADS_OPTION,
    { name: "force", help: "replace FILE if it is there" },
    ...COMMON_OPTIONS,
  ],
  async run(given) {
    const { folder, file } = pathsOf(given);
    const textFile = given.text("text");
    const options = {
      weights: choiceOf(given, "weights", FORMATS),
      embedding: choiceOf(given, "embedding", FORMATS),
      fast: given.flag("fast"),
      text: textFile === undefined ? undefined : await readGiven(textFile, "the text"),
      tokens: wholeOf(given, "tokens"),
      seed: wholeOf(given, "seed"),
      threads: threadsOf(given),
    };
    if (existsSync(file) && !given.flag("force"))
      throw new SourceError({ what: "the file is there already (--force replaces it)", file }, "exists");
    const partial = `${file}.partial`;
    const name = basename(file);
    const sink = await createFolder(partial);
    const work = { source: (await openPath(partial)).source, sink };
    const line = new ProgressLine();
    const start = performance.now();
    const onProgress = (p: QuantizeProgress) => line.show(inWords(p));
    const done = await interruptible((signal) =>
      quantizeCheckpoint(folder, sink, { ...options, ...hubOptionsOf(folder), file: name, work, signal, onProgress }),
    ).finally(() => {
      line.clear();
      // Only an empty folder goes: nothing was done, since something was wrong.
      return rmdir(partial).catch(() => {});
    });
    if (done === "interrupted") {
      if (options.fast) await rm(partial, { recursive: true });
      else note(`stopped; what is finished is in ${partial}, and the same command goes on from there`);
      return INTERRUPTED;
    }
    await rename(join(partial, name), file);
    await rm(partial, { recursive: true });
    summary(file, done, (performance.now() - start) / 1000);
    return OK;
  },
};

function pathsOf(given: Given): { folder: string; file: string } {
  const folder = checkpointOf(given);
  const file = outputOf(given, "FILE.safetensors", "the file to write");
  if (file.endsWith(".safetensors")) return { folder, file };
  throw new UsageError(`-o needs a name that ends in .safetensors, got ${JSON.stringify(file)}`);
}

function inWords({ phase, detail, fraction, remainingMs }: QuantizeProgress): string {
  const left = remainingMs === undefined ? "" : `, ${duration(remainingMs / 1000)} left`;
  const what = phase === "calibration" ? `calibration: ${detail}` : phase === "writing" ? "writing the file" : detail;
  return `quantizing: ${Math.floor(100 * fraction)} %${left} (${what})`;
}

/** 95 → "2 min". */
function duration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function summary(file: string, done: Quantized, seconds: number): void {
  const how = done.tokens === 0 ? "scales searched" : `calibrated on ${count(done.tokens)} tokens`;
  note(`${file}: ${bytes(done.bytes)}, ${how}, in ${duration(seconds)}`);
  for (const { message } of done.notices) note(`phi: ${message}`);
  if (done.damaged.length > 0) note(dim(`damaged pieces of earlier work were made again: ${done.damaged.join(", ")}`));
}
