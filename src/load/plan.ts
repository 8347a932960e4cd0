import { MemoryError } from "../errors.ts";
import { SCRATCH_BYTES } from "../kernels/crew.ts";
import { KV_BLOCK, type KVFormat } from "../kernels/kernels.ts";
import { kvLayerBytes } from "../kernels/kv-layer.ts";
import type { Architecture } from "../model/architecture.ts";
import type { PhiConfig } from "../model/config.ts";
import { type Activations, type ScratchNeeds, scratchBytes } from "../model/scratch.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import { packedBytes, ROWS, type Slice, type WeightFormat } from "../quant/packed-matrix.ts";
import { alignUp, KERNEL_RESERVE, PAGE } from "../tensor/arena.ts";
import type { AdapterSet } from "./adapters/adapter-set.ts";
import { IN_FLIGHT } from "./staging.ts";

/** What decides how much memory a model takes; all known from the header alone. */
export interface PlanInput {
  config: PhiConfig;
  architecture: Architecture;
  specs: readonly WeightSpec[];
  /** Of the layers' matrices. */
  format: WeightFormat;
  /** Of the tables with a row for each token, embedding and head, tied or not. Default: `format`. */
  embedding?: WeightFormat;
  /** Of single matrices that have another one, by their names. */
  formats?: ReadonlyMap<string, WeightFormat>;
  /** Of those whose rows have several. */
  slices?: ReadonlyMap<string, readonly Slice[]>;
  /** Matrices whose inputs lie in an order of their own, by their names. */
  ordered?: ReadonlySet<string>;
  /** LoRA adapters, whose factors lie beside the weights that they add to. */
  adapters?: AdapterSet;
  /** Bytes through which weights must be read at least. */
  staging?: number;
  activations: Activations;
  /** How keys and values are cached. */
  kv: KVFormat;
  /** Greatest length of one sequence, in tokens. */
  contextSize: number;
  /** Tokens that the KV pool holds, for all sequences together. */
  kvTokens: number;
  /** Tokens that one step takes at most. */
  maxChunk: number;
  /** Most bytes that one arena may take, before it is rounded up to a page. */
  maxArenaBytes: number;
  /** Threads that work in the arenas, which are shared if there are several. Default 1. */
  threads?: number;
}

/** One arena: what lies in it, and how many bytes that takes. */
export interface ArenaPlan {
  name: string;
  specs: WeightSpec[];
  /** Layers whose weights and caches lie here. */
  layers: number;
  weights: number;
  kv: number;
  /** Buffers of a forward pass, and of the helper threads; before the first pass, weights are read through the same bytes. */
  scratch: number;
  hasHead: boolean;
  /** Sum of the above, of the block table and of the kernels' reserve, rounded up to a page: the size of the memory. */
  bytes: number;
}

export interface Plan extends PlanInput {
  arenas: ArenaPlan[];
  /** Bytes over all arenas. */
  total: { weights: number; kv: number; scratch: number; bytes: number };
}

/** wasm32 ends at 4 GiB, and engines rarely give the last of it. */
export const MAX_ARENA_BYTES = 3.5 * 2 ** 30;

/** Blocks of a KV pool of so many tokens. */
export const kvBlocks = (kvTokens: number): number => Math.ceil(kvTokens / KV_BLOCK);

/** The format that a weight has in memory. */
export function formatOf(
  spec: WeightSpec,
  { format, embedding = format, formats }: Pick<PlanInput, "format" | "embedding" | "formats">,
): WeightFormat {
  if (isFloat(spec)) return "f32";
  const own = formats?.get(spec.name);
  if (own) return own;
  return typeof spec.place === "number" ? format : embedding;
}

/** Bytes of one weight in its arena, and of what adapters add to it, padded as an arena pads. */
function weightBytes(spec: WeightSpec, input: PlanInput): number {
  const order = input.ordered?.has(spec.name) ? alignUp(4 * spec.cols) : 0;
  const adapters = input.adapters?.bytesOf(spec) ?? 0;
  const slices = input.slices?.get(spec.name) ?? [{ format: formatOf(spec, input), rows: spec.rows }];
  const bytes = slices.reduce((sum, { format, rows }) => sum + alignUp(packedBytes(format, rows, spec.cols)), 0);
  return bytes + order + adapters;
}

/** What buffers a forward pass needs in an arena. */
export const scratchNeeds = (input: PlanInput, logits: boolean): ScratchNeeds => {
  const { config, architecture, activations, ordered, adapters } = input;
  const own = architecture.buffers(config);
  return { own, activations, logits, ordered: (ordered?.size ?? 0) > 0, rank: adapters?.rank };
};

/** Bytes of scratch that helper threads have in each arena. */
export const helperBytes = ({ threads = 1 }: PlanInput): number => (threads - 1) * SCRATCH_BYTES;

/** Bytes through which weights are read: for each block on its way at least 8 rows of the widest matrix as float32, and about a megabyte. */
function stagingBytes({ specs, staging = 0 }: PlanInput): number {
  const widest = specs.reduce((most, s) => Math.max(most, s.cols), 0);
  return alignUp(Math.max(2 ** 20, staging, IN_FLIGHT * alignUp(ROWS * widest * 4)));
}

/**
 * Places embedding, layers and head into as few arenas as hold them, in the order in which a token passes them. No tensor spans two
 * arenas; a layer, its cache and scratch for it lie in one; a tied table is the head too.
 * @throws MemoryError if one layer alone is too large for an arena; it names the largest contextSize at which none is
 */
export function planArenas(input: PlanInput): Plan {
  const arenas = place(input);
  const largest = arenas.reduce((most, a) => Math.max(most, a.bytes), 0);
  if (!allowed(largest, input)) {
    const contextSize = largestContext(input, () => true);
    throw new MemoryError({
      what: `a layer with its cache and scratch is too large for an arena${contextSize ? `; contextSize ${contextSize} would fit` : ""}`,
      got: `${largest} bytes`,
      expected: `at most ${input.maxArenaBytes}`,
      contextSize,
    });
  }
  return { ...input, arenas, total: totals(arenas) };
}

const allowed = (bytes: number, input: PlanInput): boolean => bytes <= alignUp(input.maxArenaBytes, PAGE);

/** The arenas, one of which may be too large if a single item is. */
function place(input: PlanInput): ArenaPlan[] {
  const { config, specs } = input;
  const table = alignUp(Math.ceil(input.contextSize / KV_BLOCK) * 4);
  const staging = stagingBytes(input);
  const kvLayer = kvLayerBytes(input.kv, kvBlocks(input.kvTokens), config.kvHeads, config.headDim);
  const arenas: ArenaPlan[] = [];

  const grown = (a: ArenaPlan, mine: WeightSpec[], layers: number, head: boolean): ArenaPlan => {
    const weights = a.weights + mine.reduce((sum, s) => sum + weightBytes(s, input), 0);
    const kv = a.kv + layers * kvLayer;
    const hasHead = a.hasHead || head;
    const pass = scratchBytes(config, input.maxChunk, scratchNeeds(input, hasHead));
    const scratch = helperBytes(input) + Math.max(staging, pass);
    const bytes = KERNEL_RESERVE + table + weights + kv + scratch;
    return { ...a, specs: [...a.specs, ...mine], layers: a.layers + layers, weights, kv, scratch, hasHead, bytes };
  };
  const add = (where: WeightSpec["place"], layers: number, head: boolean) => {
    const mine = specs.filter((s) => s.place === where);
    const last = arenas.at(-1);
    const next = last && grown(last, mine, layers, head);
    if (next && next.bytes <= input.maxArenaBytes) arenas[arenas.length - 1] = next;
    else arenas.push(grown(empty(`arena ${arenas.length}`), mine, layers, head));
  };

  add("embed", 0, config.tiedEmbeddings);
  for (let i = 0; i < config.layers; i++) add(i, 1, false);
  if (!config.tiedEmbeddings) add("head", 0, true);
  return arenas.map((a) => ({ ...a, bytes: alignUp(a.bytes, PAGE) }));
}

const empty = (name: string): ArenaPlan => {
  return { name, specs: [], layers: 0, weights: 0, kv: 0, scratch: 0, hasHead: false, bytes: 0 };
};

function totals(arenas: ArenaPlan[]): Plan["total"] {
  const sum = (key: "weights" | "kv" | "scratch" | "bytes") => arenas.reduce((n, a) => n + a[key], 0);
  return { weights: sum("weights"), kv: sum("kv"), scratch: sum("scratch"), bytes: sum("bytes") };
}

/**
 * The largest contextSize (a multiple of 32, at most the one asked for, with a KV pool as large) whose arenas are none too large and
 * whose plan passes `fits`; 0 if there is none.
 */
export function largestContext(input: PlanInput, fits: (total: Plan["total"]) => boolean): number {
  const passes = (blocks: number) => {
    const tokens = blocks * KV_BLOCK;
    const maxChunk = Math.min(input.maxChunk, tokens);
    const arenas = place({ ...input, maxChunk, contextSize: tokens, kvTokens: tokens });
    return arenas.every((a) => allowed(a.bytes, input)) && fits(totals(arenas));
  };
  let low = 0;
  let high = Math.floor(input.contextSize / KV_BLOCK);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (passes(middle)) low = middle;
    else high = middle - 1;
  }
  return low * KV_BLOCK;
}
