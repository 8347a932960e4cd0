import type { Notice } from "../errors.ts";
import { chooseKernels, type KernelChoice } from "../kernels/choose.ts";
import type { KernelKind, KVFormat } from "../kernels/kernels.ts";
import { checkWasm } from "../kernels/wasm-module.ts";
import type { PhiConfig } from "../model/config.ts";
import type { Decoder } from "../model/decoder.ts";
import type { Activations } from "../model/scratch.ts";
import { countParameters, type Parameters } from "../model/weights.ts";
import type { WeightFormat } from "../quant/packed-matrix.ts";
import { orAbort } from "../source/index.ts";
import type { Source } from "../source/source.ts";
import { assemble, type StartHelpers } from "../threads/index.ts";
import { allocate } from "./allocate.ts";
import { fillWeights } from "./fill.ts";
import type { LoadOptions } from "./options.ts";
import { MAX_ARENA_BYTES, type Plan } from "./plan.ts";
import { type Inspected, inspectModel } from "./plan-model.ts";
import { LoadMeter, type WeightMeter } from "./progress.ts";

/** Bytes that a model takes: in all, by use, and arena by arena. */
export interface MemoryUse {
  /** Of weights, in the format that they have in memory. */
  weights: number;
  /** Of keys and values of `kvTokens` tokens. */
  kv: number;
  /** Of one chunk's buffers, in each arena. */
  scratch: number;
  /** Of all arenas whole. */
  total: number;
  /** `bytes` is the whole of one, with its block table and what the kernels reserve. */
  arenas: { name: string; bytes: number; weights: number; kv: number; scratch: number; layers: number }[];
}

export interface LoadedModel {
  decoder: Decoder;
  config: PhiConfig;
  parameters: Parameters;
  memory: MemoryUse;
  contextSize: number;
  /** The format that the layers' matrices have in memory; of a GGUF file's, which may be several, that of most weights. */
  weights: WeightFormat;
  /** That of the embedding table and the output layer. */
  embedding: WeightFormat;
  activations: Activations;
  kv: KVFormat;
  kernels: KernelKind;
  /** Threads that work for it. */
  threads: number;
  /** What a user should know of how it was loaded. */
  notices: readonly Notice[];
  /** generation_config.json as parsed, where there is one. */
  generationConfig?: Record<string, unknown>;
}

/**
 * Loads a checkpoint folder: config.json and safetensors (one file or shards with an index) or GGUF, quantizing while it streams.
 * @param maxArenaBytes the most that one arena may take; smaller values spread a model over more arenas
 * @param start starts the helper threads; default: there is only this one
 * @throws ConfigError, FormatError, SourceError, OptionError before memory is taken; MemoryError; the signal's reason on abort
 * @throws PhiError (codes "wasm", "wasm_wrong") if kernels that are asked for by name cannot run
 */
export async function loadModel(
  source: Source,
  options: LoadOptions = {},
  maxArenaBytes = MAX_ARENA_BYTES,
  start?: StartHelpers,
): Promise<LoadedModel> {
  options.signal?.throwIfAborted();
  const chosen = kernelsOf(options);
  const meter = new LoadMeter(options.onProgress);
  const planned = { ...options, threads: start ? options.threads : 1 };
  const inspected = await inspectModel(meter.watch(source), planned, maxArenaBytes);
  try {
    meter.announce(inspected.sourceBytes);
    return await fillModel(inspected, chosen, meter, { signal: options.signal, start });
  } finally {
    await inspected.files.close();
  }
}

/** The kernels that the options ask for. @throws OptionError if this engine does not run them */
export const kernelsOf = ({ kernels, wasm }: LoadOptions): KernelChoice =>
  chooseKernels(kernels ?? "auto", checkWasm("loadPhi", wasm));

export interface FillControls {
  signal?: AbortSignal;
  /** Starts the helper threads; without it there is only this one. */
  start?: StartHelpers;
}

/** Takes the memory that was planned and reads the weights into it. The files stay open. @throws as {@link loadModel} */
export async function fillModel(
  { config, generationConfig, files, plan, threading, notices: known }: Inspected,
  chosen: KernelChoice,
  meter: WeightMeter,
  { signal, start }: FillControls,
): Promise<LoadedModel> {
  const notices = [...chosen.notices, ...threading.notices, ...known];
  const crew = start && assemble(threading, chosen, start, notices);
  const { transformer, slots } = allocate(plan, { ...chosen, crew: crew?.leader });
  let threads = 1;
  try {
    crew?.begin((error) => transformer.lose(error));
    meter.beginWeights();
    await fillWeights(files, slots, { signal, onBlock: (file, tensor, bytes) => meter.block(file, tensor, bytes) });
    if (crew) threads = await orAbort(crew.ready(), signal);
  } catch (error) {
    transformer.dispose();
    throw error;
  }
  const { format: weights, embedding = weights, activations, kv, contextSize } = plan;
  const formats = { weights, embedding, activations, kv, kernels: chosen.kind };
  return {
    decoder: transformer,
    config,
    parameters: countParameters(plan.specs),
    memory: memoryUse(plan),
    contextSize,
    ...formats,
    threads,
    notices,
    generationConfig,
  };
}

export function memoryUse(plan: Plan): MemoryUse {
  const { weights, kv, scratch, bytes: total } = plan.total;
  const arenas = plan.arenas.map(({ name, bytes, weights, kv, scratch, layers }) => ({
    name,
    bytes,
    weights,
    kv,
    scratch,
    layers,
  }));
  return { weights, kv, scratch, total, arenas };
}
