import { existsSync, realpathSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SourceError } from "../errors.ts";
import { mergeAdapters } from "../merge/merge.ts";
import { ADAPTER_OPTION, adapterArguments, sourceOf } from "./adapters.ts";
import { type Command, type Given, UsageError } from "./args.ts";
import { COMMON_OPTIONS } from "./options.ts";
import { CHECKPOINT, checkpointOf, outputOf } from "./paths.ts";
import { INTERRUPTED, OK } from "./program.ts";
import { bytes, interruptible, note, ProgressLine } from "./ui.ts";

/** `phi merge`: a checkpoint and adapters to a checkpoint. */
export const merge: Command = {
  name: "merge",
  summary: "write a checkpoint that has LoRA adapters in its weights",
  usage: "BASE --adapter DIR[=SCALE] … -o OUT",
  details:
    "BASE is a folder of safetensors in bf16, f16 or f32; OUT becomes one in the same dtype and names, with BASE's config and tokenizer. Sums are in float32 and rounded once.",
  options: [
    CHECKPOINT,
    { ...ADAPTER_OPTION, help: "LoRA adapter (a folder of PEFT's) to add, at a scale (default: 1); may be repeated" },
    { name: "output", short: "o", value: "OUT", help: "the folder to write" },
    { name: "force", help: "replace OUT if it is there" },
    ...COMMON_OPTIONS,
  ],
  async run(given) {
    const { base, folder } = pathsOf(given);
    const adapters = adapterArguments(given);
    if (adapters.length === 0) throw new UsageError("--adapter DIR is needed: which adapter?");
    const included = adapters.find((adapter) => adapter.included);
    if (included) throw new UsageError(`@${included.source}: an adapter in the checkpoint itself cannot be merged`);
    if (existsSync(folder)) {
      if (!given.flag("force"))
        throw new SourceError({ what: "the folder is there already (--force replaces it)", file: folder }, "exists");
      if (!existsSync(join(folder, "config.json")))
        throw new SourceError({ what: "the folder is no checkpoint, and is not replaced", file: folder }, "exists");
    }
    const opened = adapters.map(({ source, scale }) => ({ source: sourceOf(source), scale }));
    // Whole or not at all: the folder gets its name when it is done.
    const partial = `${folder}.partial`;
    const line = new ProgressLine();
    const onProgress = ({ written, total }: { written: number; total: number }) =>
      line.show(`merging: ${Math.floor((100 * written) / total)} % of ${bytes(total)}`);
    try {
      const done = await interruptible((signal) =>
        mergeAdapters(sourceOf(base), opened, partial, { signal, onProgress }),
      ).finally(() => line.clear());
      if (done === "interrupted") return INTERRUPTED;
      await rm(folder, { recursive: true, force: true });
      await rename(partial, folder);
      const total = done.files.reduce((sum, file) => sum + file.bytes, 0);
      note(`${folder}: ${bytes(total)} in ${done.files.length} files, ${done.matrices} matrices changed`);
      return OK;
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  },
};

function pathsOf(given: Given): { base: string; folder: string } {
  const base = checkpointOf(given);
  const folder = outputOf(given, "OUT", "the folder to write").replace(/[/\\]+$/, "");
  // Whatever else lies in the folder would go with it.
  if (existsSync(folder) && existsSync(base)) {
    const [out, from] = [realpathSync(folder), realpathSync(base)];
    if (out === from || out === dirname(from)) throw new UsageError("-o OUT is where BASE lies: name another folder");
  }
  return { base, folder };
}
