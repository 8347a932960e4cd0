import { ConfigError, FormatError } from "../errors.ts";
import type { Architecture } from "../model/architecture.ts";
import type { FileFormat } from "./file-format.ts";

/** Formats of files that a program may have been made without, by the names that `phi-ts/core` gives them. */
const PARTS = { gguf: "a GGUF file", int4: "matrices of int4 words (GPTQ, AWQ or compressed-tensors)" } as const;

/** Architectures, alike. */
const ARCHITECTURES = ["phi", "phi3small", "phimoe"];

/** The same for LoRA adapters. */
export function noLora(): FormatError {
  const expected =
    'loadPhi(…, { adapters, lora }) with lora of "phi-ts/core/lora", also given to serve(…) in a worker\'s file';
  return new FormatError({ what: "this program was made without LoRA adapters", expected }, "no_part");
}

/**
 * Refuses what another program can read, and says how this one could. Nothing where the format is among `formats`.
 * @throws FormatError (code "no_part")
 */
export function needFormat(formats: readonly FileFormat[], name: keyof typeof PARTS, file?: string): void {
  if (formats.some((format) => format.name === name)) return;
  const expected = `loadPhi(…, { formats: [${name}] }) with ${name} of "phi-ts/core/${name}"`;
  throw new FormatError(
    { what: "this program was made without the format", file, got: PARTS[name], expected },
    "no_part",
  );
}

/**
 * The same for the architecture of a config.json.
 * @throws ConfigError (code "no_part")
 */
export function needArchitecture(given: readonly Architecture[], json: unknown, file: string): void {
  const type = (json as { model_type?: unknown } | null)?.model_type;
  const name = ARCHITECTURES.find((architecture) => architecture === type);
  if (!name || given.some(({ modelType }) => modelType === name)) return;
  const expected = `loadPhi(…, { architectures: [${name}] }) with ${name} of "phi-ts/core/architectures"`;
  throw new ConfigError(
    { what: "this program was made without the architecture", file, got: name, expected },
    "no_part",
  );
}
