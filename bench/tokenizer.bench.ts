import { readFileSync } from "node:fs";
import { Bench } from "tinybench";
import { createTokenizer } from "../src/tokenizer/index.ts";

// phi-tiny's tokenizer (o200k's pattern, 2048 tokens): English in, ids out, and back.
const file = JSON.parse(readFileSync(new URL("../models/phi-tiny/tokenizer.json", import.meta.url), "utf8"));
const tokenizer = createTokenizer({ tokenizer: file });
const text = "Tom buys 4 notebooks for $3 each and pays with $20. How much change does he get?\n".repeat(1000);
const run = "a".repeat(2 ** 16);
const ids = tokenizer.encode(text);
if (tokenizer.decode(ids) !== text) throw new Error("the text does not come back");
if (tokenizer.decode(tokenizer.encode(run)) !== run) throw new Error("the run does not come back");

const bench = new Bench({ time: 400, warmupTime: 100 });
const characters: Record<string, number> = {};
function add(name: string, length: number, work: () => void): void {
  characters[name] = length;
  bench.add(name, work);
}
add("encode English", text.length, () => {
  tokenizer.encode(text);
});
add("decode English", text.length, () => {
  tokenizer.decode(ids);
});
add("stream English", text.length, () => {
  const stream = tokenizer.stream();
  for (const id of ids) stream.push(id);
  stream.end();
});
add("encode one letter, 65,536 times", run.length, () => {
  tokenizer.encode(run);
});
await bench.run();
console.log(`\ntokenizer of phi-tiny, ${text.length} characters of English, ${ids.length} tokens`);
console.table(
  bench.tasks.map((task) => {
    const ms = task.result.state === "completed" ? task.result.latency.p50 : Number.NaN;
    const rate = +(characters[task.name] / ms / 1000).toFixed(2);
    return { work: task.name, "median ms": +ms.toFixed(3), "M characters/s": rate };
  }),
);
