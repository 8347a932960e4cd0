// How far llama.cpp's logits are from the goldens', case by case and for several sizes of context:
//   python bench/peers/differences/make-gguf.py OUT && node bench/peers/differences/llama-cpp.mjs OUT
// Compared are log-probabilities at every position of a prompt, evaluated at once: the greatest and the mean distance to Hugging Face's (float32), and
// how often the likeliest token is the same.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const golden = fileURLToPath(new URL("../../../test/fixtures/golden/", import.meta.url));
const folder = process.argv[2];

/** [case, prompts] */
const RUNS = [
  ["phi-1_5", ["len33"]],
  ["phi-2", ["len33"]],
  ["phi-4", ["len33"]],
  ["phi-3-mini-4k", ["len7", "len33", "len60"]],
  ["phi-3-mini-128k", ["len20", "len32", "len33", "len60"]],
  ["phi-4-mini", ["len22", "len33", "len60"]],
  ["phi-3.5-moe", ["len22", "len33"]],
];
/** llama.cpp's smallest. */
const CONTEXT = 256;

function tensor(name, id) {
  const bytes = readFileSync(join(golden, name, "golden.safetensors"));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const [from, to] = header[id].data_offsets;
  return {
    V: header[id].shape[1],
    data: new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + 8 + length + from, bytes.byteOffset + 8 + length + to),
    ),
  };
}

const logSoftmax = (row) => {
  const most = Math.max(...row);
  const sum = Math.log(row.reduce((s, v) => s + Math.exp(v - most), 0)) + most;
  return row.map((v) => v - sum);
};

/** Of all positions, from one evaluation. */
async function logProbabilities(context, ids, V) {
  const sequence = context.getSequence();
  const ask = { generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } };
  const rows = await sequence.controlledEvaluate(ids.map((token) => [token, ask]));
  await sequence.dispose();
  return rows.map(({ next }) => Array.from({ length: V }, (_, v) => Math.log(next.probabilities.get(v) ?? 0)));
}

const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: LlamaLogLevel.error });
const results = [];
for (const [name, prompts] of RUNS) {
  const model = await llama.loadModel({ modelPath: join(folder, `${name}.gguf`), gpuLayers: 0 });
  const context = await model.createContext({ contextSize: CONTEXT, batchSize: CONTEXT, flashAttention: false });
  for (const id of prompts) {
    const expectation = JSON.parse(readFileSync(join(golden, name, "golden.json"))).prompts.find((p) => p.id === id);
    const ids = expectation.input_ids;
    const { V, data } = tensor(name, expectation.logits);
    let [max, sum, top] = [0, 0, 0];
    (await logProbabilities(context, ids, V)).forEach((got, t) => {
      const expected = logSoftmax([...data.subarray(t * V, (t + 1) * V)]);
      for (let v = 0; v < V; v++) {
        const delta = Math.abs(got[v] - expected[v]);
        max = Math.max(max, delta);
        sum += delta / (V * ids.length);
      }
      if (got.indexOf(Math.max(...got)) === expected.indexOf(Math.max(...expected))) top++;
    });
    results.push({ case: name, prompt: id, max, mean: sum, top: `${top} of ${ids.length}` });
  }
  await context.dispose();
  await model.dispose();
}

// The same prompt of 20 tokens in contexts of several sizes: the switch of this model is at 512 tokens.
const model = await llama.loadModel({ modelPath: join(folder, "switch-at-512.gguf"), gpuLayers: 0 });
const ids = JSON.parse(readFileSync(join(golden, "phi-3-mini-128k/golden.json"))).prompts.find(
  (p) => p.id === "len20",
).input_ids;
const answers = [];
for (const contextSize of [256, 512, 768, 1024]) {
  const context = await model.createContext({ contextSize, batchSize: 256, flashAttention: false });
  answers.push([contextSize, await logProbabilities(context, ids, 320)]);
  await context.dispose();
}
const apart = (a, b) => Math.max(...a.flatMap((row, t) => row.map((v, i) => Math.abs(v - b[t][i]))));
results.push({
  sameAnswers: "20 tokens, switch at 512",
  contexts: answers.map(([size, rows]) => ({ size, max: apart(rows, answers[0][1]) })),
});
await model.dispose();
console.log(JSON.stringify(results, undefined, 1));
await llama.dispose();
