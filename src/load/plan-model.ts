import { type Notice, OptionError } from "../errors.ts";
import { attempt, attemptAsync, type Tell, throwIt } from "../faults.ts";
import type { KVFormat } from "../kernels/kernels.ts";
import { INT8_HEAD_DIMS } from "../kernels/kv-layer.ts";
import type { Architecture } from "../model/architecture.ts";
import { CORE_ARCHITECTURES, findArchitecture } from "../model/architectures.ts";
import type { PhiConfig } from "../model/config.ts";
import type { Json } from "../model/config-keys.ts";
import { checkAngles, withRope } from "../model/rope.ts";
import type { Activations } from "../model/scratch.ts";
import type { WeightSpec } from "../model/weights.ts";
import { checkNumber } from "../options.ts";
import { ifThere, together } from "../source/index.ts";
import type { Source } from "../source/source.ts";
import { chooseThreads, oneThread, type ThreadChoice } from "../threads/index.ts";
import type { AdapterInput, AdapterSet } from "./adapters/adapter-set.ts";
import { checkWeights } from "./check-weights.ts";
import { chunkTokens } from "./chunk.ts";
import { checkConverted } from "./converted.ts";
import type { EngineParts } from "./engine-parts.ts";
import { type FileFormat, madeOf } from "./file-format.ts";
import { chooseFormats } from "./formats.ts";
import { needArchitecture, needFormat, noLora } from "./no-part.ts";
import type { LoadOptions } from "./options.ts";
import { withJoined } from "./parts.ts";
import { formatOf, MAX_ARENA_BYTES, type Plan, planArenas } from "./plan.ts";
import { readConfig, readModelConfig } from "./read-config.ts";
import { openWeights, type WeightFiles } from "./weight-files.ts";

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

/** Options of loading, and what those who load add to them. */
export interface PlanOptions extends LoadOptions {
  /** Whether threads can be started for this one; default: whether it can itself. */
  canStartThreads?: boolean;
  /** Formats of files that can be read beside safetensors. Default: none. */
  formats?: readonly FileFormat[];
  /** LoRA adapters, whose files the source has beside the checkpoint's; and what reads them. */
  adapters?: readonly AdapterInput[];
  lora?: EngineParts["lora"];
  /** Architectures beside those of the core. Default: none. */
  architectures?: readonly Architecture[];
}

const DEFAULT_CONTEXT = 4096;
/** More would be asked for by mistake. */
const MAX_THREADS = 64;

/** Names of tensors of int4 words. */
const INT4 = /\.(qweight|weight_packed)$/;

/** generation_config.json as parsed; undefined if there is none. @throws FormatError, SourceError */
export async function readGenerationConfig(source: Source): Promise<Record<string, unknown> | undefined> {
  return (await ifThere(source, "generation_config.json", readConfig)) as Record<string, unknown> | undefined;
}

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
    return { ...planned, generationConfig: await readGenerationConfig(source) };
  } catch (error) {
    await planned.files.close();
    throw error;
  }
}

/** A checkpoint whose config and weights were found, and fit each other. */
export interface Found {
  /** config.json as parsed. */
  json: unknown;
  config: PhiConfig;
  architecture: Architecture;
  specs: readonly WeightSpec[];
  /** The weights as the container has them. */
  opened: WeightFiles;
  /** The same by the names of `specs`. */
  files: WeightFiles;
  /** Those that were asked for; they are closed with the weights. */
  adapters?: AdapterSet;
  /** Of weights and adapters. */
  sourceBytes: number;
}

type FindOptions = Pick<PlanOptions, "rope" | "formats" | "architectures" | "adapters" | "lora">;

/**
 * Reads config.json and the headers of the weights, and checks them against each other; nothing else is read.
 * @param tell of whatever is wrong; a fault leaves out what needs the faultless. Nothing told: everything is there
 * @throws what `tell` throws; OptionError
 */
export async function findModel(
  source: Source,
  { rope, formats = [], architectures = [], adapters: wanted = [], lora }: FindOptions = {},
  tell: Tell = throwIt,
): Promise<Partial<Found>> {
  const json = await attemptAsync(tell, () => readModelConfig(source));
  const made = madeOf(formats, await source.list?.());
  const file = made ? `config.json, made of ${made}` : "config.json";
  const parse = (tell: Tell) => parseConfig(json, file, architectures, tell);
  const [architecture, parsed] = (json === undefined ? undefined : attempt(tell, parse)) ?? [];
  const passed = parsed && (await attemptAsync(tell, () => checkConverted(source, json as Json, parsed)));
  const config = passed && withRope(passed, rope);
  const find = () => formats.flatMap((format) => format.stored?.(json) ?? []);
  const stored = json === undefined ? undefined : attempt(tell, find);
  const found = { json, config };
  const opened = await openAlone(source, formats, tell);
  if (!opened) return found;
  try {
    if (!architecture || !config || !stored) return { ...found, opened };
    if (isInt4(json, opened)) needFormat(formats, "int4", "config.json");
    const specs = architecture.weights(config);
    let whole: WeightFiles | undefined = opened;
    for (const find of stored) whole = whole && (await find(whole, specs, source, tell));
    if (!whole) return { ...found, opened };
    const files = withJoined(whole, specs, tell);
    const weightBytes = checkWeights(files, specs, architecture.unused, tell);
    const all = { ...found, architecture, specs };
    if (wanted.length === 0) return { ...all, opened, files, sourceBytes: weightBytes };
    if (!lora) throw noLora();
    const base = { config, specs, files: opened, json };
    const adapters = await attemptAsync(tell, () => lora.open(source, wanted, base));
    const close = () => together([files.close(), adapters?.close()]).then(() => {});
    const sourceBytes = weightBytes + (adapters?.sourceBytes ?? 0);
    return { ...all, opened: { ...opened, close }, files: { ...files, close }, adapters, sourceBytes };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** What a config.json says, and which architecture that is. @throws ConfigError */
function parseConfig(
  json: unknown,
  file: string,
  given: readonly Architecture[],
  tell: Tell,
): readonly [Architecture, PhiConfig] {
  needArchitecture(given, json, file);
  const architecture = findArchitecture(json, file, [...CORE_ARCHITECTURES, ...given]);
  return [architecture, architecture.config(json as Json, file, tell)];
}

/** The weights, open; or none, and nothing is. */
async function openAlone(source: Source, formats: readonly FileFormat[], tell: Tell): Promise<WeightFiles | undefined> {
  let opened: WeightFiles | undefined;
  const sound = await attemptAsync(tell, async (tell) => {
    opened = await openWeights(source, formats, tell);
    return opened;
  });
  if (!sound) await opened?.close();
  return sound;
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
  const found = (await findModel(source, options)) as Found;
  try {
    return planFound(found, options, maxArenaBytes);
  } catch (error) {
    await found.opened.close();
    throw error;
  }
}

/** The memory of a checkpoint that was found. @throws ConfigError, FormatError, OptionError, MemoryError */
export function planFound(
  { config, architecture, specs, files, adapters, sourceBytes }: Found,
  options: PlanOptions,
  maxArenaBytes = MAX_ARENA_BYTES,
): Planned {
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
  checkAngles(config, contextSize);
  const maxChunk = chunkTokens(specs, contextSize);
  const { notices = [], ...chosen } = chooseFormats(files, specs, options);
  const quantized = specs.some((spec) => formatOf(spec, chosen) !== "f32");
  const activations = quantized ? (options.activations ?? "int8") : "f32";
  const kv = kvFormat(options.kv, activations, config.headDim);
  const formats = { ...chosen, activations, kv };
  const threading = planThreads(options, specs);
  const { threads } = threading;
  const sizes = { contextSize, kvTokens, maxChunk, maxArenaBytes, threads };
  const plan = planArenas({ config, architecture, specs, ...formats, adapters, ...sizes });
  return { config, files, plan, sourceBytes, threading, notices: [...(files.notices ?? []), ...notices] };
}

/** Whether a config, or the tensors themselves, speak of matrices of int4 words. */
function isInt4(config: unknown, { tensors }: WeightFiles): boolean {
  const { quantization_config, compression_config } = config as Json;
  return (quantization_config ?? compression_config) != null || [...tensors.keys()].some((name) => INT4.test(name));
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
