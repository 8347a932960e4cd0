import { fileURLToPath } from "node:url";
import { Bench } from "tinybench";
import { loadPhi } from "../src/index.ts";

// tokens/s of phi-tiny: decoding (one token a step) and prefill (a prompt of 256 tokens), per weight format.
const model = fileURLToPath(new URL("../models/phi-tiny", import.meta.url));
const PROMPT = 256;
const DECODED = 64;
/** Tokens of a step of a prompt (src/load/chunk.ts). */
const CHUNK = 32;

const rows: Record<string, string | number>[] = [];
for (const weights of ["q4", "q8", "f32"] as const) {
  const phi = await loadPhi(model, { weights, contextSize: 512 });
  const ids = Array.from({ length: PROMPT }, (_, i) => (i * 37) % phi.config.vocabSize);
  const seq = await phi.sequence();
  await seq.forward(ids.slice(0, 16));
  const bench = new Bench({ time: 1500, warmupTime: 200, iterations: 3 });
  bench.add("prefill", async () => {
    await seq.truncate(0);
    await seq.forward(ids);
  });
  bench.add("decode", async () => {
    await seq.truncate(16);
    for (let i = 0; i < DECODED; i++) await seq.forward([ids[i]]);
  });
  await bench.run();
  for (const task of bench.tasks) {
    if (task.result.state !== "completed") throw task.result;
    const tokens = task.name === "prefill" ? PROMPT : DECODED;
    const seconds = task.result.latency.p50 / 1000;
    // Every multiply-add of the matrices happens once a token; attention is left out.
    const gmacs = (phi.memory.weights / { q4: 4.5 / 8, q8: 8.5 / 8, f32: 4 }[weights] / 1e9) * (tokens / seconds);
    rows.push({
      weights,
      what: task.name,
      "tokens/s": Math.round(tokens / seconds),
      "GMAC/s": +gmacs.toFixed(2),
      "weights GB/s": +(
        (phi.memory.weights / 1e9) *
        (task.name === "decode" ? tokens / seconds : tokens / CHUNK / seconds)
      ).toFixed(2),
    });
  }
  await phi.dispose();
}
console.log("\nphi-tiny, one thread");
console.table(rows);
