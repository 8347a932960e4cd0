import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SourceError } from "../errors.ts";
import { type Given, type OptionSpec, onlyPositional, UsageError } from "./args.ts";
import { CHECKPOINTS, MODEL } from "./options.ts";

/** Of commands whose checkpoint mostly stands alone. */
export const CHECKPOINT: OptionSpec = { ...MODEL, help: "the checkpoint, if it does not stand alone" };

/** The checkpoint that a command works on: alone, or as --model. @throws UsageError if there is none, or two */
export function checkpointOf(given: Given): string {
  const alone = onlyPositional(given, "checkpoint");
  const named = given.text("model");
  if (alone !== undefined && named !== undefined)
    throw new UsageError(`one checkpoint is expected, got a second: ${JSON.stringify(alone)}`);
  const path = alone ?? named;
  if (path === undefined) throw new UsageError(`which checkpoint? ${CHECKPOINTS}`);
  return path;
}

/**
 * Where a command writes: `--output`, in a folder that is there.
 * @param value what stands for it in the usage: "OUT"
 * @param what it is: "the folder to write"
 * @throws UsageError if it is not given; SourceError (code "not_found") if there is no folder to hold it
 */
export function outputOf(given: Given, value: string, what: string): string {
  const output = given.text("output");
  if (output === undefined) throw new UsageError(`-o ${value} is needed: ${what}`);
  const above = dirname(resolve(output));
  if (!existsSync(above)) throw new SourceError({ what: "there is no such folder", file: above }, "not_found");
  return output;
}

/** The text of a file that an option names. @param what it is, for messages: "the reference" @throws SourceError */
export async function readGiven(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new SourceError({ what: `${what} cannot be read`, file, cause, got: (cause as { code?: string }).code });
  }
}
