import { type Parts, plainPhi3 } from "../../../examples/plain-phi3.ts";
import { assert } from "../../../test/assert.ts";
import { diskEngine, inProject } from "../../../test/engines/disk.ts";
import { type GoldenCase, type GoldenPrompt, goldenFolder, openGolden } from "../../../test/golden.ts";

/** The random checkpoints of test/fixtures/golden, with what Hugging Face transformers computes from them. */
export async function goldenPrompts(name: GoldenCase): Promise<GoldenPrompt[]> {
  const engine = await diskEngine({ vitest: false, note() {} });
  return (await openGolden(engine, name)).prompts;
}

/**
 * The whole model in plain loops with the given parts has transformers' logits at every position of the prompt, within 3e-4.
 * @param parts for a prompt of that many tokens
 */
export async function checkLogits(name: GoldenCase, prompt: string, parts: (length: number) => Parts): Promise<void> {
  const found = (await goldenPrompts(name)).find((p) => p.id === prompt);
  if (!found) throw new Error(`${name} has no prompt ${prompt}`);
  const logits = await plainPhi3(inProject(goldenFolder(name)), found.ids, parts(found.ids.length));
  const V = logits[0].length;
  logits.forEach((row, t) => {
    assert.close(row, found.logits.subarray(t * V, (t + 1) * V), 3e-4, `${name}, position ${t}: logits`);
  });
}
