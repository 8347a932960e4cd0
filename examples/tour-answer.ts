// An answer, token by token: logits, the greatest of them, and on.
//   npx tsx --conditions=phi-ts-source examples/tour-answer.ts
import { loadPhi } from "phi-ts";
import { renderChat } from "phi-ts/tokenizer";

const phi = await loadPhi("models/phi-tiny"); // weights packed to q4, int8 activations
const seq = await phi.sequence();

/** The three likeliest tokens, as softmax of the logits [V] has them. */
function likeliest(logits: Float32Array): { id: number; percent: string }[] {
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
  const e = logits.map((x) => Math.exp(x - logits[order[0]]));
  const sum = e.reduce((a, b) => a + b);
  return order.slice(0, 3).map((id) => ({ id, percent: `${((100 * e[id]) / sum).toFixed(1)} %` }));
}

const { ids } = renderChat(phi.tokenizer, [{ role: "user", content: "What is 12 + 30?" }]);
let logits = await seq.forward(ids); // the prompt at once: f32 [V] of its last position
for (;;) {
  const best = likeliest(logits);
  console.log(best.map(({ id, percent }) => phi.tokenizer.tokenOf(id)!.padEnd(8) + percent.padStart(7)).join("    "));
  if (phi.stopTokens.some(({ id }) => id === best[0].id)) break;
  logits = await seq.forward([best[0].id]); // one token; what came before is in the cache
}

// The logits of all positions at once, computed from nothing: the last of them have the same bits.
const all = await phi.forward(seq.tokens, { logits: "all" }); // f32 [T·V]
const same = all.subarray(-logits.length).every((x, i) => Object.is(x, logits[i]));
console.log(`${seq.length} tokens, same bits: ${same}`);
await phi.dispose();
