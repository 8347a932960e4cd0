// Who looks at whom: the attention of one head, as a map.
//   npx tsx --conditions=phi-ts-source examples/guide-attention.ts
import { loadTokenizer, renderChat } from "phi-ts/tokenizer";
import { plainPhi3, rope } from "./plain-phi3.ts";

const tokenizer = await loadTokenizer("models/phi-tiny");
const question = renderChat(tokenizer, [{ role: "user", content: "What is 12 + 30?" }]).ids;
const ids = [...question, ...tokenizer.encode("12 + 30 = 42")];

const maps = new Map<string, Float64Array[]>();
await plainPhi3("models/phi-tiny", ids, {
  rotate: rope(10000, 24),
  attended(layer, head, i, weights) {
    const name = `layer ${layer}, head ${head}`;
    const rows = maps.get(name) ?? [];
    rows[i] = weights;
    maps.set(name, rows);
  },
});

for (const name of process.argv.length > 2 ? maps.keys() : ["layer 2, head 1", "layer 5, head 1"]) {
  console.log(name);
  maps.get(name)?.forEach((row, i) => {
    const shades = [...row].map((weight) => " .:=#"[Math.min(4, Math.floor(weight * 6))]);
    console.log(`${(tokenizer.tokenOf(ids[i]) ?? "").replace("Ġ", " ").padStart(14)} |${shades.join("")}`);
  });
}
