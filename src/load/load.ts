import { type Notice, PhiError } from "../errors.ts";
import type { KernelOrigin } from "../kernels/bind.ts";
import { chooseKernels, type KernelChoice } from "../kernels/choose.ts";
import type { KernelKind, KVFormat } from "../kernels/kernels.ts";
import { checkWasm } from "../kernels/wasm-module.ts";
import type { PhiConfig } from "../model/config.ts";
import type { Decoder } from "../model/decoder.ts";
import type { Activations } from "../model/scratch.ts";
import { countParameters, type Parameters } from "../model/weights.ts";
import type { WeightFormat } from "../quant/packed-matrix.ts";
import { orAbort } from "../source/index.ts";
import type { Assemble } from "../threads/index.ts";
import type { AdapterInfo } from "./adapters/adapter-set.ts";
import { allocate } from "./allocate.ts";
import { type EngineParts, restOf } from "./engine-parts.ts";
import { fillWeights } from "./fill.ts";
import type { LoadOptions } from "./options.ts";
import type { Plan } from "./plan.ts";
import type { Inspected } from "./plan-model.ts";
import type { WeightMeter } from "./progress.ts";

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
  /** LoRA adapters, in the order in which they were given. */
  adapters: readonly AdapterInfo[];
  /** Threads that work for it. */
  threads: number;
  /** What a user should know of how it was loaded. */
  notices: readonly Notice[];
  /** generation_config.json as parsed, where there is one. */
  generationConfig?: Record<string, unknown>;
}

/** The kernels that a model is computed with, as they were chosen. */
export type ModelKernels = KernelChoice & KernelOrigin;

/**
 * The kernels that the options ask for, with those of the rest that the program's parts may call.
 * @throws OptionError, PhiError (codes "wasm", "wasm_wrong") if this engine does not run them
 */
export function kernelsOf({ kernels = "auto", wasm }: LoadOptions, parts: EngineParts): ModelKernels {
  const { reference } = parts;
  const chosen = chooseKernels(kernels, { modules: checkWasm("loadPhi", wasm), rest: restOf(parts) });
  if (chosen.kind !== "reference" || reference) return { ...chosen, reference };
  const why = chosen.notices.slice(0, -1).map(({ message }) => message);
  const message = `the reference kernels are not part of this program: import them from phi-ts/core/reference${why.length ? ` (${why.join("; ")})` : ""}`;
  throw new PhiError("wasm", message);
}

export interface FillControls {
  signal?: AbortSignal;
  /** Puts the threads together; without it there is only this one. */
  assemble?: Assemble;
}

/** Takes the memory that was planned and reads the weights into it. The files stay open. @throws MemoryError, FormatError, SourceError, the signal's reason */
export async function fillModel(
  { config, generationConfig, files, plan, threading, notices: known }: Inspected,
  chosen: ModelKernels,
  meter: WeightMeter,
  { signal, assemble }: FillControls,
): Promise<LoadedModel> {
  const notices = [...chosen.notices, ...threading.notices, ...known];
  const crew = assemble?.(threading, chosen, notices);
  const { transformer, slots, adapters } = allocate(plan, { ...chosen, crew: crew?.leader });
  const onBlock = (file: string, tensor: string, bytes: number) => meter.block(file, tensor, bytes);
  let threads = 1;
  try {
    crew?.begin((error) => transformer.lose(error));
    meter.beginWeights();
    await fillWeights(files, slots, { signal, onBlock });
    await adapters?.fill({ signal, onBlock });
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
    adapters: plan.adapters?.infos(plan.specs) ?? [],
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
