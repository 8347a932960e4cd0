// What quantizing phi-tiny costs: measures every variant, writes docs/quality.json and from it the table in docs/quality.md.
//   node --import tsx --conditions=phi-ts-source scripts/quality.ts            minutes of work
//   node --import tsx --conditions=phi-ts-source scripts/quality.ts --check    fails if a figure is another than the committed one
import { readFileSync, writeFileSync } from "node:fs";
import { loadModel } from "../src/load/load-model.ts";
import type { LoadOptions } from "../src/load/options.ts";
import { openCheckpoint } from "../src/load-phi.ts";
import { openPath } from "../src/platform/node.ts";
import {
  bytesSink,
  bytesSource,
  type QuantizeOptions,
  quantizeCheckpoint,
  type Source,
} from "../src/quantize/index.ts";
import { loadTokenizer } from "../src/tokenizer/index.ts";
import { inProject, PHI_TINY } from "../test/engines/disk.ts";
import { exactOf, qualityOf, WINDOW } from "../test/model/windows.ts";

interface Row {
  weights: string;
  embedding: string;
  activations: string;
  /** Of 8 or 4 bits with a scale for 32, over all matrices. */
  bits: number;
  kl: number;
  top1: number;
  perplexity: number;
  /** KL on the other text. */
  klOther: number;
}

const tokenizer = await loadTokenizer(PHI_TINY);
const read = (name: string) => readFileSync(inProject(`test/fixtures/evals/${name}`), "utf8");
const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
const problems = read("mini-gsm.jsonl").trim().split("\n");
const parsed = problems.map((line) => JSON.parse(line) as { question: string; solution: string });
const texts = {
  text: encode(read("text.txt")),
  other: encode(parsed.map(({ question, solution }) => `${question}\n${solution}`).join("\n\n")).slice(0, 8192),
};

const load = async (options: LoadOptions, source?: Source) => {
  const folder = source ?? (await openPath(PHI_TINY)).source;
  return loadModel(folder, { contextSize: WINDOW, ...options });
};
const { decoder } = await load({ weights: "f32" });
const exact = { text: exactOf(decoder, texts.text), other: exactOf(decoder, texts.other) };

async function packed(options: QuantizeOptions): Promise<Source> {
  const files = new Map<string, Uint8Array>();
  const { file } = await quantizeCheckpoint(PHI_TINY, bytesSink(files), options);
  return openCheckpoint("quality", bytesSource({ [file]: files.get(file) as Uint8Array }));
}

const round = (x: number, digits: number) => Number(x.toFixed(digits));
const rows: Row[] = [
  {
    ...{ weights: "f32", embedding: "f32", activations: "f32", bits: 32, kl: 0 },
    ...{ top1: 1, perplexity: round(exact.text.perplexity, 4), klOther: 0 },
  },
];

/** A check leaves float32 activations out: half of the time, and of what hardly anybody uses. */
const check = process.argv.includes("--check");
const ACTIVATIONS = check ? (["int8"] as const) : (["int8", "f32"] as const);

async function measure(weights: string, options: LoadOptions, source?: Source): Promise<void> {
  for (const activations of ACTIVATIONS) {
    const model = await load({ ...options, activations }, source);
    const { kl, top1, perplexity } = qualityOf(model.decoder, texts.text, exact.text);
    const other = qualityOf(model.decoder, texts.other, exact.other);
    const bits = (model.memory.weights * 8) / 5_246_208;
    const row = {
      ...{ weights, embedding: model.embedding, activations, bits: round(bits, 1), kl: round(kl, 6) },
      ...{ top1: round(top1, 4), perplexity: round(perplexity, 4), klOther: round(other.kl, 6) },
    };
    console.log(JSON.stringify(row));
    rows.push(row);
  }
}

await measure("q8", { weights: "q8" });
for (const embedding of ["q4", "q8"] as const) await measure("q4, while loading", { weights: "q4", embedding });
for (const embedding of ["q4", "q8"] as const) await measure("q4, `phi quantize`", {}, await packed({ embedding }));

const json = `${JSON.stringify(rows, undefined, 2)}\n`;
const file = inProject("docs/quality.json");
if (check) {
  const committed = (JSON.parse(readFileSync(file, "utf8")) as Row[]).filter(
    (row) => row.weights === "f32" || row.activations === "int8",
  );
  if (JSON.stringify(committed) !== JSON.stringify(rows))
    throw new Error(`docs/quality.json has other figures:\n${json}`);
  console.log("1 passed, 0 failed, 0 skipped");
} else {
  writeFileSync(file, json);
  const page = inProject("docs/quality.md");
  const table = [
    "| weights | embedding, output layer | activations | bits a weight | KL | KL′ | same first choice | perplexity |",
    "|---|---|---|---|---|---|---|---|",
    ...rows.map(
      (r) =>
        `| ${r.weights} | ${r.embedding} | ${r.activations} | ${r.bits} | ${r.kl.toFixed(6)} | ${r.klOther.toFixed(6)} | ${(100 * r.top1).toFixed(2)} % | ${r.perplexity.toFixed(4)} |`,
    ),
  ].join("\n");
  const text = readFileSync(page, "utf8");
  writeFileSync(
    page,
    text.replace(/<!-- table -->[\s\S]*?<!-- end -->/, () => `<!-- table -->\n${table}\n<!-- end -->`),
  );
}
