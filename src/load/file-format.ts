import type { Tell } from "../faults.ts";
import type { KernelRest } from "../kernels/wasm-module.ts";
import type { WeightSpec } from "../model/weights.ts";
import type { Source } from "../source/source.ts";
import type { WeightFiles } from "./weight-files.ts";

/** A file that was named, and its first bytes. */
export interface NamedFile {
  readonly name: string;
  readonly start: Uint8Array;
}

/**
 * A family of files that can be loaded beside safetensors of numbers and packed files, which are always built in. Each is a value of its own, so
 * that a program which loads none of them carries none of them: gguf.ts, int4/index.ts; all of them: every-part.ts.
 */
export interface FileFormat {
  readonly name: string;
  /** What reads and computes its weights, where the core's kernels do not. */
  readonly kernels?: KernelRest;
  /**
   * The checkpoint's folder that a file stands for.
   * @param file the one that was named; undefined: the folder's, whichever that is
   * @param tell of what is wrong with it and leaves a folder all the same
   * @returns undefined if it is none of this format
   */
  readonly folder?: (source: Source, file: NamedFile | undefined, tell: Tell) => Promise<Source | undefined>;
  /** Of what config.json and the tokenizer's files of such a folder were made: "the metadata of …". @returns undefined if they are files */
  readonly madeOf?: (names: readonly string[]) => string | undefined;
  /** Opens the weights of a folder with files of these names. @returns undefined if they are another format's */
  readonly open?: (source: Source, names: readonly string[], tell: Tell) => Promise<WeightFiles | undefined>;
  /**
   * Looks whether config.json speaks of weights that are stored so, and gives what finds them among a checkpoint's tensors: the same files, with
   * one tensor in the place of those that it is put together of; undefined after telling why not.
   * @throws ConfigError for a way of storing that is not built
   */
  readonly stored?: (
    config: unknown,
  ) => (
    files: WeightFiles,
    specs: readonly WeightSpec[],
    source: Source,
    tell: Tell,
  ) => Promise<WeightFiles | undefined>;
}

/** What config.json of a folder with these names was made of, if it is no file. */
export const madeOf = (formats: readonly FileFormat[], names: readonly string[] = []): string | undefined =>
  formats.map((format) => format.madeOf?.(names)).find((what) => what !== undefined);
