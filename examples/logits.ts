// What the model expects next: logits of tokens, and a sequence that is grown, forked and cut.
import { loadPhi } from "phi-ts";

const phi = await loadPhi("models/phi-tiny", { weights: "f32" });
const greatest = (logits: Float32Array) => logits.indexOf(Math.max(...logits));

const ids = phi.tokenizer.encode("12 + 30 = 4");
const all = await phi.forward(ids, { logits: "all" }); // f32 [T, V]
const V = phi.config.vocabSize;
for (let t = ids.length - 3; t < ids.length; t++) {
  const next = greatest(all.subarray(t * V, (t + 1) * V));
  console.log(
    `after ${JSON.stringify(phi.tokenizer.decode([ids[t]]))}: ${JSON.stringify(phi.tokenizer.decode([next]))}`,
  );
}

const sequence = await phi.sequence();
await sequence.forward(ids.slice(0, 5));
const fork = await sequence.fork(); // shares what is computed
const last = await fork.forward(ids.slice(5)); // f32 [V]
console.log(`equal to the last row: ${last.every((x, v) => Object.is(x, all[(ids.length - 1) * V + v]))}`);
await fork.truncate(2);
console.log(`lengths: ${sequence.length} and ${fork.length}`);
await phi.dispose();
