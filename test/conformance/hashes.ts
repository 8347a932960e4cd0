import { loadPhi, type Phi } from "../../src/index.ts";
import type { KernelKind } from "../../src/kernels/index.ts";
import { bytesSink, type QuantizeOptions, quantizeCheckpoint } from "../../src/quantize/index.ts";
import type { Source } from "../../src/source/index.ts";
import { phiTinyFolder } from "../fixtures.ts";
import { openGgufGolden } from "../gguf-golden.ts";
import { type GoldenCase, goldenSource, openGolden, openPhiTinyGolden } from "../golden.ts";
import type { Engine } from "../harness.ts";

/** How a model is loaded. */
export const SETTINGS = [
  { weights: "q4", activations: "int8", kv: "int8" },
  { weights: "q4", activations: "int8", kv: "f32" },
  { weights: "q4", activations: "f32", kv: "f32" },
  { weights: "q8", activations: "int8", kv: "int8" },
  { weights: "q8", activations: "int8", kv: "f32" },
  { weights: "q8", activations: "f32", kv: "f32" },
  { weights: "f32", activations: "f32", kv: "f32" },
  { weights: "f32", activations: "f32", kv: "int8" },
] as const;
export type Setting = (typeof SETTINGS)[number];

/** The reference kernels sum in float64: their bits are others than those of the WASM kernels, and the same on every engine, too. */
export const REFERENCE_SETTINGS: readonly Setting[] = [SETTINGS[0], SETTINGS[6]];

export const nameOf = ({ weights, activations, kv }: Setting): string =>
  `${weights} weights, ${activations} activations, ${kv} KV`;

export interface ModelUnderTest {
  name: string;
  source: Source;
  prompts: Record<string, number[]>;
  /** What the reference kernels see, with its name: they take up to a hundred times as long. */
  short: [name: string, ids: number[]];
}

/** phi-tiny with prompts of 27 to 130 tokens; and a random model each with a sliding window, with LongRoPE past its switch, of phi, of phimoe, and of phi3small. */
export async function models(engine: Engine): Promise<ModelUnderTest[]> {
  const tiny = (await openPhiTinyGolden(engine)).prompts;
  const pick = (i: number): number[] => [...tiny[i].promptIds, ...tiny[i].ids];
  const golden = async (name: GoldenCase, id: string) => {
    const { source, prompts } = await openGolden(engine, name);
    const prompt = prompts.find((p) => p.id === id);
    if (!prompt) throw new Error(`${name} has no prompt ${id}`);
    return { name, source, prompts: { [id]: prompt.ids }, short: [id, prompt.ids] satisfies ModelUnderTest["short"] };
  };
  return [
    {
      name: "phi-tiny",
      source: phiTinyFolder(engine),
      prompts: { apples: pick(0), anna: pick(7), story: pick(16), summary: pick(17) },
      short: ["12 of apples", pick(0).slice(0, 12)],
    },
    await golden("phi-3-mini-4k", "len60"),
    await golden("phi-3-mini-128k", "len100"),
    await golden("phi-4-mini", "len60"),
    await golden("phi-2", "len33"),
    await golden("phi-3.5-moe", "len56"),
    await golden("phi-3-small-8k", "len180"),
    await golden("phi-3-small-128k", "len160"),
  ];
}

export async function open(
  model: ModelUnderTest,
  setting: Setting,
  how: { kernels?: KernelKind; worker?: boolean; threads?: number } = {},
): Promise<Phi> {
  return loadPhi(model.source, { ...setting, kernels: "strict", ...how });
}

/** Packed files whose bytes are hashed: what is packed, and how. The first has a tokenizer: texts of its own begin with words. */
export const PACKED: readonly [model: GoldenCase | "gguf-phi-4-mini", options: QuantizeOptions][] = [
  ["gguf-phi-4-mini", { tokens: 200, seed: 3 }],
  ["phi-4-mini", { tokens: 100, embedding: "q8" }],
  ["phi-3-mini-4k", { fast: true }],
  ["phi-2", { tokens: 100 }],
  ["phi-3-small-128k", { tokens: 100 }],
  ["phi-3.5-moe", { fast: true }],
];

export const packedName = ([name, options]: (typeof PACKED)[number]): string =>
  `${name}, packed with ${JSON.stringify(options)}`;

/** Hash of the packed file of a model. */
export async function packedHash(engine: Engine, [name, options]: (typeof PACKED)[number]): Promise<string> {
  const { source } =
    name === "gguf-phi-4-mini" ? await openGgufGolden(engine, name, "F16") : { source: goldenSource(engine, name) };
  const files = new Map<string, Uint8Array>();
  await quantizeCheckpoint(source, bytesSink(files), options);
  return hash([files.get("model.safetensors") as BlobPart]);
}

/**
 * Hash of the logits f32 [T, V] of all positions of `ids`, cut into forwards of `chunk` tokens. LongRoPE looks at the length at the end of
 * each forward, so that the first cuts would take the short factors: the long ones are asked for, which are the right ones of the whole.
 */
export async function logitsHash(phi: Phi, ids: number[], chunk: number): Promise<string> {
  const long = ids.length > (phi.config.longrope?.originalContext ?? Infinity);
  const sequence = await phi.sequence({ rope: long ? "long" : "auto" });
  const parts: BlobPart[] = [];
  for (let at = 0; at < ids.length; at += chunk) {
    parts.push((await sequence.forward(ids.slice(at, at + chunk), { logits: "all" })) as BlobPart);
  }
  await sequence.dispose();
  return hash(parts);
}

/** Hash of 48 sampled tokens, EOS notwithstanding, with every step of the sampler at work. */
export async function sampleHash(phi: Phi, ids: number[]): Promise<string> {
  const options = {
    temperature: 0.9,
    topK: 50,
    topP: 0.95,
    minP: 0.01,
    repetitionPenalty: 1.1,
    presencePenalty: 0.2,
    seed: 7,
  };
  const result = await phi.generate(ids.slice(0, 20), { ...options, maxTokens: 48, ignoreEos: true }).result();
  return hash([Int32Array.from(result.ids)]);
}

/** The first 16 hex digits of the SHA-256 of the bytes of `parts`, one after the other (little endian, as WASM and all our engines have it). */
async function hash(parts: BlobPart[]): Promise<string> {
  const blob = new Blob(parts);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
