import { type Notice, OptionError } from "../errors.ts";
import { chooseKernels, type KernelChoice } from "../kernels/choose.ts";
import type { KernelKind, KVFormat } from "../kernels/kernels.ts";
import { INT8_HEAD_DIMS } from "../kernels/kv-layer.ts";
import { checkWasm, type WasmModule, type WasmModules } from "../kernels/wasm-module.ts";
import { architectureOf } from "../model/architectures.ts";
import type { PhiConfig } from "../model/config.ts";
import type { Decoder } from "../model/decoder.ts";
import { parseConfig } from "../model/parse-config.ts";
import { checkAngles, withRope } from "../model/rope.ts";
import type { Activations } from "../model/scratch.ts";
import { countParameters, type Parameters, type WeightSpec } from "../model/weights.ts";
import { checkNumber } from "../options.ts";
import type { PackFormat, WeightFormat } from "../quant/packed-matrix.ts";
import { ifThere, orAbort, readJson } from "../source/index.ts";
import type { Source } from "../source/source.ts";
import { assemble, chooseThreads, oneThread, type StartHelpers, type ThreadChoice } from "../threads/index.ts";
import { allocate } from "./allocate.ts";
import { checkWeights, fillWeights } from "./fill.ts";
import { chooseFormats } from "./formats.ts";
import { int4SchemeBeside, int4SchemeOf } from "./int4/scheme.ts";
import { hasInt4, withInt4 } from "./int4/tensors.ts";
import { withJoined } from "./parts.ts";
import { formatOf, MAX_ARENA_BYTES, MAX_CHUNK, type Plan, planArenas } from "./plan.ts";
import { LoadMeter, type LoadProgress, type WeightMeter } from "./progress.ts";
import { openWeights, type WeightFiles } from "./weight-files.ts";

/** Options of {@link loadPhi}. */
export interface LoadOptions {
  /** Kernel format of the layers' matrices. `auto`: as a packed or GGUF file has them; bf16, f16 and f32 become q4. Default "auto". */
  weights?: "auto" | PackFormat;
  /**
   * Format of the two tables that have a row for each token, the embedding and the output layer, whether they are one (tied) or two: each
   * side causes about a quarter of what 4 bits lose (docs/quality.md). "q8" costs 4 bits more for each of their weights. `auto`: as
   * `weights`. Default "auto".
   */
  embedding?: "auto" | "q4" | "q8";
  /** How quantized matrices see their inputs; f32 weights always take f32. Default "int8". */
  activations?: Activations;
  /** How keys and values are cached; int8 takes a quarter of the memory. `auto`: int8 with int8 activations, f32 with f32. Default "auto". */
  kv?: "auto" | KVFormat;
  /** Default "auto": the fastest that this engine runs; `phi.notices` tells if only the reference kernels do. */
  kernels?: "auto" | KernelKind;
  /**
   * A `WebAssembly.Module` of the kernels to use instead of the library's own bytes: `phi-ts/wasm/strict.wasm` imported as a module, where an
   * engine compiles no bytes (workerd); or several by the names of their files (several threads need "strict" and "strict-shared").
   */
  wasm?: WasmModule | WasmModules;
  /**
   * Threads that work for the model, this one among them. "auto" (default): as many as are sensible on this machine; one for a small model, and
   * where memory cannot be shared (a page without cross-origin isolation, or its own thread: use `worker: true`). Bits do not depend on it.
   */
  threads?: "auto" | number;
  /** Greatest length of a sequence in tokens. Default: the model's, at most 4096. */
  contextSize?: number;
  /** Tokens that the KV cache holds for all sequences together. Default: contextSize. */
  kvTokens?: number;
  /**
   * LongRoPE models: "auto" takes the factors by the length of a sequence, as the reference does, and computes it again when it crosses the
   * switch; "long" takes the long ones at any length, so that nothing is ever computed again, at other answers below the switch. Default "auto".
   */
  rope?: "auto" | "long";
  /** Called as bytes come: at least after each file of the tokenizer and each block of weights. What it throws ends the loading. */
  onProgress?: (progress: LoadProgress) => void;
  /** Loading rejects with its reason at once, requests are cancelled, and nothing stays in memory. */
  signal?: AbortSignal;
}

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

/** What config.json and the headers of the weights say of loading. */
export interface Planned {
  config: PhiConfig;
  files: WeightFiles;
  plan: Plan;
  /** Bytes of weights that loading reads. */
  sourceBytes: number;
  /** Threads that the plan is made for. */
  threading: ThreadChoice;
  /** What a user should know of the files, and of how their weights will be held. */
  notices: readonly Notice[];
}

/** A checkpoint that was looked at but not loaded. */
export interface Inspected extends Planned {
  generationConfig?: Record<string, unknown>;
}

/** Options of loading, and whether threads can be started for this one; default: whether it can itself. */
export type PlanOptions = LoadOptions & { canStartThreads?: boolean };

const DEFAULT_CONTEXT = 4096;
/** More would be asked for by mistake. */
const MAX_THREADS = 64;

/** Published configs have a few kilobytes. */
const CONFIG = { maxBytes: 2 ** 22 };

const readConfig = (from: Source, name: string) => readJson(from, name, CONFIG);

/**
 * What {@link planModel} does, and generation_config.json.
 * @param options as {@link planModel} takes them
 * @throws as {@link planModel}
 */
export async function inspectModel(
  source: Source,
  options: PlanOptions = {},
  maxArenaBytes = MAX_ARENA_BYTES,
): Promise<Inspected> {
  const planned = await planModel(source, options, maxArenaBytes);
  try {
    const json = await ifThere(source, "generation_config.json", readConfig);
    return { ...planned, generationConfig: json as Record<string, unknown> | undefined };
  } catch (error) {
    await planned.files.close();
    throw error;
  }
}

/**
 * Reads config.json and the headers of the weights, checks them against each other and plans the memory; nothing else is read.
 * @throws ConfigError, FormatError, SourceError, OptionError, MemoryError
 */
export async function planModel(
  source: Source,
  options: PlanOptions = {},
  maxArenaBytes = MAX_ARENA_BYTES,
): Promise<Planned> {
  const json = await readConfig(source, "config.json");
  const config = withRope(parseConfig(json), options.rope);
  const scheme = int4SchemeOf(json);
  const contextSize = checkNumber(
    "loadPhi",
    "contextSize",
    options.contextSize,
    { min: 1, max: config.contextLength, integer: true },
    Math.min(config.contextLength, DEFAULT_CONTEXT),
  );
  const kvTokens = checkNumber(
    "loadPhi",
    "kvTokens",
    options.kvTokens,
    { min: 1, max: 2 ** 31, integer: true },
    contextSize,
  );
  const architecture = architectureOf(config);
  const specs = architecture.weights(config);
  const opened = await openWeights(source);
  try {
    const int4 = scheme ?? (hasInt4(opened) ? await int4SchemeBeside(source, readConfig) : undefined);
    const files = withJoined(int4 ? withInt4(opened, specs, int4) : opened, specs);
    const sourceBytes = checkWeights(files, specs, architecture.unused);
    checkAngles(config, contextSize);
    const maxChunk = Math.min(MAX_CHUNK, contextSize);
    const { notices = [], ...chosen } = chooseFormats(files, specs, options);
    const quantized = specs.some((spec) => formatOf(spec, chosen) !== "f32");
    const activations = quantized ? (options.activations ?? "int8") : "f32";
    const kv = kvFormat(options.kv, activations, config.headDim);
    const formats = { ...chosen, activations, kv };
    const threading = planThreads(options, specs);
    const { threads } = threading;
    const plan = planArenas({ config, specs, ...formats, contextSize, kvTokens, maxChunk, maxArenaBytes, threads });
    return { config, files, plan, sourceBytes, threading, notices: [...(files.notices ?? []), ...notices] };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** @throws OptionError for what is neither "auto" nor a number of threads */
export function checkThreads(where: string, threads: unknown): "auto" | number {
  if (threads === undefined || threads === "auto") return "auto";
  return checkNumber(where, "threads", threads, { min: 1, max: MAX_THREADS, integer: true }, 1);
}

/** Threads for weights of these sizes. @throws OptionError for what is no number of threads */
function planThreads({ threads, kernels, canStartThreads }: PlanOptions, specs: readonly WeightSpec[]): ThreadChoice {
  const wanted = checkThreads("loadPhi", threads);
  if (kernels === "reference" && wanted !== "auto" && wanted > 1)
    return { wanted, threads: 1, notices: [oneThread("the reference kernels work alone")] };
  const weights = specs.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  return chooseThreads(kernels === "reference" ? 1 : wanted, weights, canStartThreads);
}

/** @throws OptionError for int8 where the heads are too wide for its integer sums */
function kvFormat(wanted: LoadOptions["kv"], activations: Activations, headDim: number): KVFormat {
  const narrow = headDim <= INT8_HEAD_DIMS;
  if (wanted === undefined || wanted === "auto") return activations === "int8" && narrow ? "int8" : "f32";
  if (wanted === "int8" && !narrow) {
    const expected = `"f32" for heads of more than ${INT8_HEAD_DIMS} dims`;
    throw new OptionError({ what: `loadPhi: option "kv" of a model with heads of ${headDim}`, got: wanted, expected });
  }
  return wanted;
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
