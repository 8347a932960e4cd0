import type { Source } from "../src/source/index.ts";
import { folder, readFixtureJson, readJson, readText } from "./fixtures.ts";
import type { Engine } from "./harness.ts";

/**
 * The goldens: tiny random checkpoints of the Phi architectures with what Hugging Face transformers (float32, eager attention)
 * computes from them, and phi-tiny's own. They are read by the few lines below and not by the library, whose safetensors
 * reader is itself under test.
 */
export const GOLDEN_CASES = [
  ...["phi-1_5", "phi-2", "phi-2-qk-layernorm"],
  ...["phi-3-mini-4k", "phi-3-mini-128k", "phi-3-medium", "phi-4", "phi-4-mini"],
  ...["phi-3-small-8k", "phi-3-small-128k"],
  ...["phi-3.5-moe", "phi-4-multimodal", "phi-4-multimodal-hub-names"],
] as const;
/** Checkpoints of int4 weights; their logits are those of the weights that int4, scales and zero points stand for. */
export const INT4_CASES = ["int4-gptq", "int4-gptq-actorder", "int4-awq", "int4-compressed-tensors"] as const;
export type GoldenCase = (typeof GOLDEN_CASES)[number] | (typeof INT4_CASES)[number];

export interface GoldenPrompt {
  /** "len33": the prompt's name, by its length. */
  id: string;
  /** T ids. */
  ids: number[];
  /** [T, V] f32: logits of all positions. */
  logits: Float32Array;
  /** 24 tokens chosen one by one, EOS notwithstanding. */
  greedy: {
    tokens: number[];
    /** Distance of the two largest logits at each choice; none is below 0.02. */
    margins: number[];
    /** [24, V] f32: the logits that chose them. */
    logits: Float32Array;
    /** The sequence grows past LongRoPE's switch on the way. */
    crossesSwitch: boolean;
  };
  /** LongRoPE's factor set for this length, where the model has two. */
  rope?: "short" | "long";
  /** Of a mixture of experts, on one prompt of a case, layer by layer: scores [T, E], experts and their weights [T, 2]. */
  router?: { logits: Float32Array; weights: Float32Array; experts: Int32Array }[];
  /** [T, D] f32 each, on one prompt of a case: the residual stream after the embedding ("embed"), after each block ("layer0" …), and after the final norm ("norm"). */
  hidden?: Map<string, Float32Array>;
}

export interface Golden {
  case: GoldenCase;
  /** The checkpoint: config.json in the newer form of keys, config.hub.json in the older one. */
  source: Source;
  /** V */
  vocabSize: number;
  prompts: GoldenPrompt[];
}

export const goldenFolder = (name: GoldenCase): string => `test/fixtures/golden/${name}`;

/** The file of expected values; phi-4-multimodal-hub-names has the weights of phi-4-multimodal under other names, and thus its answers. */
export const goldenTensors = (name: GoldenCase): string =>
  `${goldenFolder(name === "phi-4-multimodal-hub-names" ? "phi-4-multimodal" : name)}/golden.safetensors`;

/** The checkpoint alone, without what is expected of it. */
export const goldenSource = (engine: Engine, name: GoldenCase): Source => folder(engine, goldenFolder(name));

export async function openGolden(engine: Engine, name: GoldenCase): Promise<Golden> {
  return {
    case: name,
    source: goldenSource(engine, name),
    ...(await readGolden(engine, goldenFolder(name), goldenTensors(name))),
  };
}

/** What is expected of a checkpoint: the prompts of `folder`'s `json`, and the tensors that it names. */
export async function readGolden(
  engine: Engine,
  folder: string,
  file: string,
  json = "golden.json",
): Promise<Pick<Golden, "prompts" | "vocabSize">> {
  const { prompts } = await readJson<{ prompts: GoldenPromptJson[] }>(engine, `${folder}/${json}`);
  const tensors = readTensors(await engine.read(file));
  const find = (tensor: string) => {
    const found = tensors.get(tensor);
    if (!found) throw new Error(`${folder}: no tensor ${tensor} in ${file}`);
    return found;
  };
  const values = (tensor: string): Float32Array => find(tensor).data;
  return {
    vocabSize: tensors.get(prompts[0].logits)?.shape[1] ?? 0,
    prompts: prompts.map((p) => ({
      id: p.id,
      ids: p.input_ids,
      logits: values(p.logits),
      greedy: {
        tokens: p.greedy.tokens,
        margins: p.greedy.margins,
        logits: values(p.greedy.logits),
        crossesSwitch: p.greedy.crosses_longrope_switch,
      },
      rope: p.rope_used_for_logits,
      hidden: p.hidden && new Map(residual(p.hidden.names).map((n) => [n.split(".").at(-1) ?? n, values(n)])),
      router: p.hidden?.names
        .filter((n) => n.startsWith("router."))
        .map((n) => n.replace(/\.\{.*/, ""))
        .map((n) => ({
          logits: values(`${n}.logits`),
          weights: values(`${n}.weights`),
          experts: new Int32Array(values(`${n}.experts`).buffer),
        })),
    })),
  };
}

const residual = (names: string[]): string[] => names.filter((n) => n.startsWith("hidden."));

export interface PhiTinyPrompt {
  /** Text with control tokens, to be encoded with `parseSpecialTokens: true`. */
  prompt: string;
  promptIds: number[];
  /** Greedy continuation, at most 64 ids, ending with the first EOS (included). */
  ids: number[];
  text: string;
  /** Smallest distance of the two largest logits along the continuation. */
  margin: number;
  /** [V] f32: logits of the prompt's last position, for some prompts. */
  logits?: Float32Array;
}

export async function openPhiTinyGolden(engine: Engine): Promise<{ eosTokenIds: number[]; prompts: PhiTinyPrompt[] }> {
  const json = await readJson<PhiTinyJson>(engine, "models/phi-tiny/golden.json");
  const tensors = readTensors(await engine.read("models/phi-tiny/golden.safetensors"));
  const prompts = json.prompts.map((p, i) => ({
    prompt: p.prompt,
    promptIds: p.prompt_ids,
    ids: p.ids,
    text: p.text,
    margin: p.smallest_top2_gap,
    logits: tensors.get(`prompt_${i}`)?.data,
  }));
  return { eosTokenIds: json.eos_token_ids, prompts };
}

export interface Eval {
  /** Perplexity, KL from bf16 in nats, share of equal first choices: of transformers' run with those weights on text.txt. */
  text_windows: { perplexity: number; tokens_scored: number; mean_kl_from_bf16?: number; top1_agreement?: number };
  text_tokens: number;
  mini_gsm_correct: number;
  mini_gsm_total: number;
}

export interface Problem {
  question: string;
  answer: number;
  solution: string;
  type: string;
}

/** Unseen text and word problems, and phi-tiny's scores on them by precision; definitions stand in reference.json. */
export async function openEvals(
  engine: Engine,
): Promise<{ text: string; problems: Problem[]; results: Record<string, Eval> }> {
  const lines = (await readText(engine, "test/fixtures/evals/mini-gsm.jsonl")).trim().split("\n");
  const { results } = await readFixtureJson<{ results: Record<string, Eval> }>(engine, "evals/reference.json");
  return {
    text: await readText(engine, "test/fixtures/evals/text.txt"),
    problems: lines.map((line) => JSON.parse(line) as Problem),
    results,
  };
}

interface GoldenPromptJson {
  id: string;
  input_ids: number[];
  logits: string;
  greedy: { tokens: number[]; margins: number[]; logits: string; crosses_longrope_switch: boolean };
  rope_used_for_logits?: "short" | "long";
  hidden?: { names: string[] };
}

interface PhiTinyJson {
  eos_token_ids: number[];
  prompts: { prompt: string; prompt_ids: number[]; ids: number[]; text: string; smallest_top2_gap: number }[];
}

/** All F32 tensors of a safetensors file's bytes, and the bits of I32 ones as if they were. */
export function readTensors(bytes: Uint8Array): Map<string, { shape: number[]; data: Float32Array }> {
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength))) as Record<
    string,
    { dtype?: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (dtype !== "F32" && dtype !== "I32") continue;
    const [from, to] = data_offsets.map((offset) => 8 + headerLength + offset);
    tensors.set(name, { shape, data: new Float32Array(bytes.slice(from, to).buffer) });
  }
  return tensors;
}
