import { FormatError, type Notice, OptionError, type PhiError, SourceError, TokenizerError } from "../errors.ts";
import { checkEstimate, type EstimateOptions } from "../estimate.ts";
import { attempt, attemptAsync, Faults, type Tell } from "../faults.ts";
import { checkFlag } from "../generate/options.ts";
import type { KernelKind, KVFormat } from "../kernels/kernels.ts";
import type { AdapterInfo } from "../load/adapters/adapter-set.ts";
import { allocate } from "../load/allocate.ts";
import { type Fit, fitBudget } from "../load/budget.ts";
import { EVERY_PART } from "../load/every-part.ts";
import { fillWeights } from "../load/fill.ts";
import { packedFormat } from "../load/formats.ts";
import { kernelsOf, type MemoryUse, memoryUse } from "../load/load.ts";
import type { LoadOptions } from "../load/options.ts";
import { type Found, findModel, type Planned, planFound, readGenerationConfig } from "../load/plan-model.ts";
import type { WeightFiles } from "../load/weight-files.ts";
import { type ModelInput, openCheckpoint, withAdapters } from "../load-phi.ts";
import type { PhiConfig } from "../model/config.ts";
import { architectureOf } from "../model/every-architecture.ts";
import { type PublishedModel, publishedModel } from "../model/published.ts";
import type { Activations } from "../model/scratch.ts";
import { countParameters, type Parameters } from "../model/weights.ts";
import { type UrlOptions, withoutUrl } from "../open.ts";
import type { WeightFormat } from "../quant/packed-matrix.ts";
import type { Source } from "../source/index.ts";
import { ofMetadata } from "../tokenizer/chat/eos.ts";
import { type TokenizerKind, tokenizerFaults, tokenizerKind } from "../tokenizer/faults.ts";
import { chatFormatOf, createTokenizer, type StopToken, stopTokensOf } from "../tokenizer/index.ts";
import { tokenizerFilesIn } from "../tokenizer/load.ts";
import { type TensorClass, tensorClasses, tensorDtypes } from "./tensors.ts";

/** What a checkpoint is, what it would take, and why it would not load. What its faults leave unknown is absent. */
export interface Inspection extends Partial<Fit> {
  /** Whether `loadPhi` would take it, as far as that can be told without reading the weights. */
  loads: boolean;
  /** Everything for which it would not: the errors that loading would throw, one after the other. */
  faults: readonly PhiError[];
  /** Faults beyond the first 1000. */
  moreFaults: number;
  /** What its user should know besides. */
  notices: readonly Notice[];
  /** "safetensors", "GGUF", or "packed": a file of `phi quantize`. */
  container?: "safetensors" | "GGUF" | "packed";
  /** The files that hold the weights. */
  files: readonly string[];
  /** model_type and class as config.json has them, and for which published models that architecture is. */
  architecture: { modelType?: string; className?: string; models?: string };
  /** The published model that has this shape. */
  model?: PublishedModel;
  /** LoRA adapters that were given, and the names of those that the checkpoint itself holds. */
  adapters: readonly AdapterInfo[];
  includedAdapters: readonly string[];
  config?: PhiConfig;
  parameters?: Parameters;
  tensors: readonly TensorClass[];
  /** Bytes of weights that loading reads. */
  sourceBytes?: number;
  /** Formats as `loadPhi` would choose them. */
  weights?: WeightFormat;
  embedding?: WeightFormat;
  activations?: Activations;
  kv?: KVFormat;
  kernels?: KernelKind;
  /** Tokens of the longest sequence, and of all that are cached. */
  contextSize?: number;
  kvTokens?: number;
  /** Bytes in memory, the very figures that `phi.memory` has after loading. */
  memory?: MemoryUse;
  tokenizer?: TokenizerKind;
  /** The format of conversations, and how it was found; absent for base models. */
  chatFormat?: { name: string; from: "template" | "vocabulary"; note?: string };
  /** Tokens that end an answer, each with who says so. */
  stopTokens: readonly StopToken[];
}

/** Options of {@link inspect}: those of `estimate`, and how much is read. */
export interface InspectOptions extends EstimateOptions {
  /** Read all weights, too, so that damaged ones are among the faults: in the memory and the time that loading takes. Default false. */
  read?: boolean;
}

/**
 * Tells of a checkpoint what it is, the memory that loading would take, and everything for which it would not load, from its config, its tokenizer
 * and the headers of its weights; the weights are not read, even of a checkpoint at a URL, unless option `read` asks for it.
 * @param source whatever `loadPhi` takes
 * @throws OptionError for an unknown option or a bad value; SourceError where nothing is there, or it cannot be reached; the signal's reason
 * @example
 * const { model, loads, faults } = await inspect("models/phi-tiny");
 * console.log(model?.name, loads ? "loads" : faults.map((fault) => fault.message));
 */
export async function inspect(source: ModelInput, options: InspectOptions = {}): Promise<Inspection> {
  const where = "inspect";
  const { read: reading, ...asked } = options;
  const read = checkFlag(where, "read", reading);
  const { fetching, others } = withoutUrl(checkEstimate(where, asked));
  const { budget, signal, adapters: given, ...layout } = others;
  const faults = new Faults();
  const tell: Tell = (fault) => {
    if (fault instanceof OptionError) throw fault;
    faults.tell(fault);
  };
  const opening = await openFolder(where, source, { ...fetching, signal }, tell);
  const joined = opening && (await withAdapters(where, opening, given, signal, fetching));
  const folder = joined?.source;
  const { kind: kernels, notices } = kernelsOf({ kernels: layout.kernels }, EVERY_PART);
  // Where a config could not be made of a file's metadata, that was told; that it is missing is no more.
  const known = faults.list.length === 0 || (await folder?.list?.())?.includes("config.json");
  const parts = { ...EVERY_PART, adapters: joined?.adapters };
  const found = folder && known ? await findModel(folder, parts, tell) : {};
  try {
    const planned = isWhole(found, faults) ? attempt(tell, () => planFound(found, layout)) : undefined;
    const { config, json, opened, files, specs, sourceBytes } = found;
    const raw = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
    // As loading does, which leaves aside what is no id.
    const ends = config ? { eos_token_id: config.eosTokenIds } : raw;
    if (read && planned) await attemptAsync(tell, () => readWeights(planned, layout.kernels, signal, tell));
    const text = folder ? await textOf(folder, ends, tell) : { stopTokens: [] };
    const { plan } = planned ?? {};
    return {
      architecture: architecture(raw, config),
      ...(config && { config, model: publishedModel(config) }),
      ...(specs && { parameters: countParameters(specs) }),
      ...{ adapters: specs ? (found.adapters?.infos(specs) ?? []) : [], includedAdapters: included(opened) },
      ...(opened && containerOf(opened, found)),
      files: [...new Set([...(opened?.tensors.values() ?? [])].map(({ file }) => file))],
      tensors:
        files && opened && specs ? tensorClasses(files, opened, specs, plan) : opened ? tensorDtypes(opened) : [],
      ...(plan && {
        sourceBytes,
        ...{
          weights: plan.format,
          embedding: plan.embedding ?? plan.format,
          activations: plan.activations,
          kv: plan.kv,
        },
        ...{ kernels, contextSize: plan.contextSize, kvTokens: plan.kvTokens, memory: memoryUse(plan) },
        ...(budget !== undefined && fitBudget(plan, budget)),
      }),
      ...text,
      ...(opened?.container === "gguf" && { stopTokens: ofMetadata(text.stopTokens) }),
      notices: [...notices, ...(planned?.notices ?? opened?.notices ?? [])],
      ...{ loads: faults.list.length === 0, faults: faults.list, moreFaults: faults.more },
    };
  } finally {
    await found.opened?.close();
  }
}

/** The folder of a checkpoint; undefined if what is wrong with it was told. @throws SourceError where nothing is there */
function openFolder(
  where: string,
  source: ModelInput,
  options: UrlOptions & { signal?: AbortSignal },
  tell: Tell,
): Promise<Source | undefined> {
  let folder: Source | undefined;
  const unreadable: Tell = (fault) => {
    if (fault instanceof SourceError && !["foreign", "several"].includes(fault.code)) throw fault;
    tell(fault);
  };
  return attemptAsync(unreadable, async () => {
    folder = await openCheckpoint(where, source, { ...options, tell: unreadable });
  }).then(() => folder);
}

const isWhole = (found: Partial<Found>, faults: Faults): found is Found =>
  found.files !== undefined && faults.list.every((fault) => fault instanceof TokenizerError);

function architecture(raw: Record<string, unknown>, config: PhiConfig | undefined): Inspection["architecture"] {
  const { model_type: modelType, architectures } = raw;
  const className: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  return {
    ...(typeof modelType === "string" && { modelType }),
    ...(typeof className === "string" && { className }),
    ...(config && { models: architectureOf(config).models }),
  };
}

function containerOf(
  { container, tensors }: WeightFiles,
  { specs = [] }: Partial<Found>,
): Pick<Inspection, "container"> {
  const packed = specs.some(({ name }) => {
    const info = tensors.get(name);
    return info !== undefined && packedFormat(info) !== undefined;
  });
  return { container: container === "gguf" ? "GGUF" : packed ? "packed" : "safetensors" };
}

/** LoRA adapters that lie in the checkpoint beside its weights, as in Microsoft's Phi-4-multimodal. */
function included(opened: WeightFiles | undefined): string[] {
  const names = [...(opened?.tensors.keys() ?? [])].map((name) => /\.lora_[AB]\.([^.]+)\.weight$/.exec(name)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

/** Reads all weights into the memory that loading would take, and gives it back. @throws MemoryError, FormatError, SourceError */
async function readWeights(
  { files, plan }: Planned,
  kernels: LoadOptions["kernels"],
  signal: AbortSignal | undefined,
  tell: Tell,
): Promise<void> {
  const { transformer, slots, adapters } = allocate(plan, kernelsOf({ kernels }, EVERY_PART));
  try {
    await fillWeights(files, slots, { signal, tell });
    await adapters?.fill({ signal });
  } finally {
    transformer.dispose();
  }
}

/** What of a checkpoint concerns texts. */
async function textOf(
  folder: Source,
  raw: Record<string, unknown>,
  tell: Tell,
): Promise<Pick<Inspection, "tokenizer" | "chatFormat" | "stopTokens">> {
  const generationConfig = await attemptAsync(tell, () => readGenerationConfig(folder));
  const files = await attemptAsync(tell, () => tokenizerFilesIn(folder, { generationConfig }));
  const wrong = files ? tokenizerFaults(files) : [];
  for (const fault of wrong) tell(fault);
  const tokenizer = files && wrong.length === 0 ? createTokenizer(files) : undefined;
  const chat = tokenizer && attempt(tell, () => chatFormatOf(tokenizer));
  const kind = files && tokenizerKind(files.tokenizer);
  return {
    ...(kind && { tokenizer: kind }),
    ...(chat && { chatFormat: { name: chat.name, from: chat.from, ...(chat.note && { note: chat.note }) } }),
    stopTokens: attempt(tell, () => stopTokensOf(tokenizer, generationConfig, raw)) ?? [],
  };
}

/** A fault as JSON has it. */
export function faultJson(fault: PhiError): Record<string, unknown> {
  const { name, code, message } = fault;
  const { file, tensor } = fault instanceof FormatError ? fault : {};
  return { error: name, code, message, ...(file !== undefined && { file }), ...(tensor !== undefined && { tensor }) };
}
