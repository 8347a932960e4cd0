// What a router chooses: scores that Hugging Face computed for a random Phi-3.5-MoE of 8 experts.
//   npx tsx --conditions=phi-ts-source examples/guide-experts.ts
import { loadPhi } from "phi-ts";
import { openSafetensors } from "phi-ts/safetensors";
import { route } from "../docs/guide/exercises/06-experts/solution.ts";

const E = 8;
const file = await openSafetensors("test/fixtures/golden/phi-3.5-moe/golden.safetensors");
const scores = await file.toFloat32("router.len22.layer0.logits"); // [22, 8]
await file.close();

const used = new Array<number>(E).fill(0);
for (let t = 0; t < scores.length / E; t++) {
  const row = scores.slice(t * E, (t + 1) * E);
  const { experts, weights } = route(row, 0.01);
  for (const e of experts) used[e]++;
  if (t < 6) {
    const shown = [...row].map((s) => s.toFixed(2).padStart(5)).join(" ");
    console.log(
      `token ${t}: ${shown}   experts ${experts.join(", ")}, weights ${weights.map((w) => w.toFixed(2)).join(", ")}`,
    );
  }
}
console.log(`of 22 tokens so many went to each expert: ${used.join(" ")}`);

// What a token reads: of the experts two, of everything else all.
const phi = await loadPhi("test/fixtures/golden/phi-3.5-moe");
console.log(`${phi.parameters.total} parameters, of which a token goes through ${phi.parameters.active}`);
await phi.dispose();
