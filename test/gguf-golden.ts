import { bytesSource, type Source } from "../src/source/index.ts";
import { readFixture } from "./fixtures.ts";
import { type Golden, readGolden } from "./golden.ts";
import type { Engine } from "./harness.ts";

/** GGUF files with goldens: folder, type, and whether the file is in the repository (others lie in ../shared/golden). */
export const GGUF_CASES = [
  ["gguf-phi-4", "Q4_0"],
  ["gguf-phi-4-mini", "F16"],
  ["gguf-phi-4-mini", "Q8_0"],
  ["gguf-phi-4-mini", "Q4_0"],
  ["gguf-kquant", "Q4_K_M"],
  ["gguf-kquant", "Q5_K_M"],
  ["gguf-kquant", "Q6_K"],
] as const;

export const ggufFile = (engine: Engine, folder: string, type: string): Promise<Uint8Array<ArrayBuffer>> =>
  readFixture(engine, `golden/${folder}/model.${type}.gguf`);

/** One GGUF file in a folder of its own, and what Hugging Face computes from its dequantized weights. */
export async function openGgufGolden(
  engine: Engine,
  folder: string,
  type: string,
): Promise<Pick<Golden, "prompts" | "vocabSize"> & { source: Source }> {
  const source = bytesSource({ "model.gguf": await ggufFile(engine, folder, type) });
  const path = `test/fixtures/golden/${folder}`;
  return { source, ...(await readGolden(engine, path, `${path}/golden.${type}.safetensors`, `golden.${type}.json`)) };
}
