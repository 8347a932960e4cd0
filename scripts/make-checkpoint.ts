// Makes a checkpoint folder of random weights, as Hugging Face lays one out, at any size: to measure loading, memory and speed without a download.
//   node --conditions=phi-ts-source --import tsx scripts/make-checkpoint.ts --preset phi-4-mini --out /tmp/phi-4-mini
//
//   --preset NAME      phi-4-mini (7.7 GB), phi-3-mini-4k (7.6 GB) or phi-4 (29 GB), as published; phi-2 (5.6 GB), phi-3-small (15 GB), phi-3.5-moe (84 GB), phi-mini-moe (15 GB); phi-200m (0.5 GB), a size for benches
//   --config FILE      instead: any config.json that loadPhi takes (generation_config.json beside it is taken too)
//   --out FOLDER       where to; files of the same names are replaced
//   --layers N  --hidden N  --heads N  --kv-heads N  --ffn N  --vocab N  --context N     change a size
//   --dtype TYPE       bf16, f16 or f32 (default: the config's)
//   --seed N           default 0; equal seeds give equal files
//   --shard-bytes N    default 5e9
//   --tokenizer PATH   a tokenizer.json, or a folder with one (tokenizer_config.json is copied too)
//   --packed FORMAT    q4 or q8: instead of a folder as Hugging Face's, one packed file (docs/format.md), FOLDER/model.safetensors: phi-4 in q4 has 8.3 GB
//   --gguf KIND        Q4_0, Q8_0 or Q4_K_M: instead, a GGUF file of a phi3 model, FOLDER/model-KIND.gguf, without a vocabulary: phi-4-mini in Q4_K_M has 2.5 GB
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { createFolder } from "../src/platform/node.ts";
import { GGUF_KINDS, type GgufKind, makeGguf } from "./checkpoint/gguf.ts";
import { makeCheckpoint } from "./checkpoint/make.ts";
import type { WeightDType } from "./checkpoint/normal.ts";
import { makePacked } from "./checkpoint/packed.ts";
import { OVERRIDES, PRESETS, type Preset } from "./checkpoint/presets.ts";

const { values: given } = parseArgs({
  options: Object.fromEntries(
    [
      "preset",
      "config",
      "out",
      "dtype",
      "seed",
      "shard-bytes",
      "tokenizer",
      "packed",
      "gguf",
      ...Object.keys(OVERRIDES),
    ].map((name) => [name, { type: "string" as const }]),
  ),
}) as { values: Record<string, string | undefined> };

function stop(message: string): never {
  console.error(`make-checkpoint: ${message}`);
  process.exit(1);
}

function number(name: string): number | undefined {
  const text = given[name];
  if (text === undefined) return undefined;
  const n = Number(text);
  return Number.isSafeInteger(n) && n >= 0 && text.trim() !== ""
    ? n
    : stop(`--${name} wants a whole number, got "${text}"`);
}

function model(): Preset {
  const { preset, config } = given;
  if ((preset === undefined) === (config === undefined))
    stop(`give --preset (${Object.keys(PRESETS).join(", ")}) or --config FILE`);
  if (preset !== undefined) {
    return Object.hasOwn(PRESETS, preset)
      ? PRESETS[preset]
      : stop(`no preset "${preset}"; there are ${Object.keys(PRESETS).join(", ")}`);
  }
  const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));
  const generation = join(dirname(config as string), "generation_config.json");
  return { config: read(config as string), generation: existsSync(generation) ? read(generation) : {} };
}

function tokenizerFiles(path: string): string[] {
  const folder = statSync(path).isDirectory();
  const files = folder
    ? ["tokenizer.json", "cl100k_base.tiktoken", "tokenizer_config.json", "special_tokens_map.json"].map((f) =>
        join(path, f),
      )
    : [path];
  const found = files.filter((file) => existsSync(file));
  return found.length > 0 ? found : stop(`no tokenizer.json in ${path}`);
}

const out = given.out ?? stop("give --out FOLDER");
const { dtype } = given;
if (dtype !== undefined && !["bf16", "f16", "f32"].includes(dtype))
  stop(`--dtype wants bf16, f16 or f32, got "${dtype}"`);
const { config, generation } = model();
for (const [name, key] of Object.entries(OVERRIDES)) {
  const n = number(name);
  if (n !== undefined) config[`ff_${key}` in config ? `ff_${key}` : key] = n;
}
const tokenizer = given.tokenizer === undefined ? [] : tokenizerFiles(given.tokenizer);

const { packed } = given;
if (packed !== undefined && packed !== "q4" && packed !== "q8") stop(`--packed wants q4 or q8, got "${packed}"`);
if (packed !== undefined && (dtype ?? given["shard-bytes"]) !== undefined)
  stop("--packed goes without --dtype and --shard-bytes");

const start = performance.now();
let shown = 0;
const gb = (bytes: number) => (bytes / 1e9).toFixed(2);
const speed = (bytes: number) => `${Math.round(bytes / 1e3 / (performance.now() - start))} MB/s`;
const options = {
  seed: number("seed"),
  dtype: dtype as WeightDType | undefined,
  maxShardBytes: number("shard-bytes"),
  onProgress({ written, total, tensor }: { written: number; total: number; tensor: string }) {
    const now = performance.now();
    if (now - shown < 200 && written < total) return;
    shown = now;
    const line = `${gb(written)} of ${gb(total)} GB  ${speed(written)}  ${tensor}`;
    process.stderr.write(process.stderr.isTTY ? `\r${line.padEnd(80)}` : "");
  },
};
try {
  const sink = await createFolder(out);
  if (given.gguf !== undefined) {
    const kind = given.gguf as GgufKind;
    if (!GGUF_KINDS.includes(kind)) stop(`--gguf wants ${GGUF_KINDS.join(", ")}, got "${given.gguf}"`);
    const bytes = await makeGguf(sink, { config, generation }, kind, options);
    console.log(`${join(out, `model-${kind}.gguf`)}: ${gb(bytes)} GB`);
    process.exit(0);
  }
  const beside = new Map(tokenizer.map((file) => [basename(file), readFileSync(file)]));
  const { files, totalBytes } =
    packed === undefined
      ? await makeCheckpoint(sink, { config, generation }, options)
      : await makePacked(sink, { config, generation }, packed, options, beside);
  if (process.stderr.isTTY) process.stderr.write("\n");
  if (packed === undefined) for (const [name, bytes] of beside) writeFileSync(join(out, name), bytes);
  console.log(
    `${out}: ${gb(totalBytes)} GB in ${((performance.now() - start) / 1000).toFixed(1)} s (${speed(totalBytes)})`,
  );
  for (const { name, bytes } of files) console.log(`  ${name}  ${bytes} bytes`);
  console.log(`  peak memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`);
} catch (error) {
  stop(error instanceof Error ? error.message : String(error));
}
