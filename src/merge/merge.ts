import { createFolder } from "#platform";
import { ConfigError, FormatError, OptionError } from "../errors.ts";
import { Pacer } from "../event-loop.ts";
import { CARRIED } from "../formats/packed/packed.ts";
import {
  type Pieces,
  type SafetensorsDType,
  type ShardEntry,
  writeShardedSafetensors,
} from "../formats/safetensors/index.ts";
import { openEach } from "../load/adapters/open.ts";
import { closeAdapters } from "../load/adapters/place.ts";
import { EVERY_PART } from "../load/every-part.ts";
import { int4SchemeOf } from "../load/int4/scheme.ts";
import { openWeights, READABLE, type WeightFiles, type WeightTensor } from "../load/weight-files.ts";
import { type ModelInput, openCheckpoint, withAdapters } from "../load-phi.ts";
import { architectureOf } from "../model/every-architecture.ts";
import { parseConfig } from "../model/parse-config.ts";
import type { WeightSpec } from "../model/weights.ts";
import type { Input } from "../open.ts";
import { checkCallback, checkOptions } from "../options.ts";
import { ifThere, readJson, type Sink, type Source, withFile } from "../source/index.ts";
import { type Addition, mergedPieces } from "./matrix.ts";

/** An adapter that is to become part of the weights. */
export interface MergeInput {
  /** Its folder, as HF PEFT saves it. */
  source: Input;
  /** What it adds is multiplied by it. Default 1. */
  scale?: number;
}

/** Options of {@link mergeAdapters}. */
export interface MergeOptions {
  /** Bytes of tensors written, of how many, and the tensor at work. */
  onProgress?: (progress: { written: number; total: number; tensor: string }) => void;
  signal?: AbortSignal;
}

/** What {@link mergeAdapters} has written. */
export interface Merged {
  /** Matrices that the adapters have changed. */
  matrices: number;
  files: { name: string; bytes: number }[];
}

/**
 * Writes a checkpoint whose weights have the adapters in them: every tensor of the base under its name, in its dtype; config.json, the tokenizer's files and
 * whatever else small stands beside them as they are. A few megabytes are held at a time.
 * @param base a folder of safetensors in bf16, f16 or f32
 * @param adapters added in this order
 * @param sink a folder's path (Node, Bun, Deno; made if it is not there) or a Sink
 * @throws ConfigError (code "adapter") for a base that is quantized or GGUF, and for an adapter of an output layer that is the embedding table too
 * @throws what loading throws for what is wrong in base and adapters, before anything is written; the signal's reason
 */
export async function mergeAdapters(
  base: ModelInput,
  adapters: readonly MergeInput[],
  sink: Sink | string,
  options: MergeOptions = {},
): Promise<Merged> {
  const where = "mergeAdapters";
  checkOptions(where, options, ["onProgress", "signal"]);
  checkCallback(where, "onProgress", options.onProgress);
  const { signal, onProgress } = options;
  const scales = adapters.map(({ scale = 1 }) => {
    if (typeof scale === "number" && Number.isFinite(scale)) return scale;
    throw new OptionError({ what: `${where}: scale`, got: scale, expected: "a number" });
  });
  if (adapters.length === 0) throw new OptionError({ what: `${where}: adapters`, got: [], expected: "at least one" });
  const named = Object.fromEntries(adapters.map(({ source }, i) => [`number ${i + 1}`, source]));
  const checkpoint = await openCheckpoint(where, base, { signal });
  const { source, adapters: inputs } = await withAdapters(where, checkpoint, named, signal);
  const json = await readJson(source, "config.json");
  const config = parseConfig(json);
  if (int4SchemeOf(json)) throw noFloats("config.json", "quantization_config");
  const specs = architectureOf(config).weights(config);
  const files = await openWeights(source, EVERY_PART.formats ?? []);
  try {
    if (files.container === "gguf") throw noFloats(undefined, "GGUF");
    const opened = await openEach(source, inputs, { config, specs, files, json });
    try {
      for (const adapter of opened) await adapter.check();
      const additions = new Map<string, Addition[]>();
      for (const [i, { deltas, files: own }] of opened.entries()) {
        for (const [weight, { parts }] of deltas) {
          const spec = specs.find(({ name }) => name === weight) as WeightSpec;
          for (const part of parts)
            for (const { info, row } of tensorsOf(files, spec, part.row, part.b.shape[0]))
              additions.set(info.name, [
                ...(additions.get(info.name) ?? []),
                { files: own, part, row: part.row - row, scale: part.scale * scales[i] },
              ]);
        }
      }
      const target = typeof sink === "string" ? await createFolder(sink) : sink;
      const pacer = new Pacer();
      const entries = [...files.tensors.values()].map((info) =>
        entryOf(files, info, additions.get(info.name), pacer, signal),
      );
      const written = await writeShardedSafetensors(target, entries, { metadata: { format: "pt" }, onProgress });
      const copied = await copySmall(checkpoint, target);
      return { matrices: additions.size, files: [...written.files, ...copied] };
    } finally {
      await closeAdapters(opened);
    }
  } finally {
    await files.close();
  }
}

/** The tensors of the checkpoint that hold `rows` rows of a weight from `row` on, and the row of the weight with which each begins. */
function tensorsOf(
  files: WeightFiles,
  spec: WeightSpec,
  row: number,
  rows: number,
): { info: WeightTensor; row: number }[] {
  if (spec.place === "embed") {
    const what = "an adapter of the output layer cannot be merged where that is the embedding table, too";
    throw new ConfigError({ what, got: "tie_word_embeddings: true" }, "adapter");
  }
  const whole = files.tensors.get(spec.name);
  const parts = whole ? [{ name: spec.name, rows: spec.rows }] : (spec.parts ?? []);
  const found: { info: WeightTensor; row: number }[] = [];
  let at = 0;
  for (const part of parts) {
    const info = files.tensors.get(part.name);
    if (!info) throw new FormatError({ what: "the base lacks a weight", tensor: part.name });
    if (!Object.hasOwn(READABLE, info.dtype)) throw noFloats(info.file, info.dtype);
    const expected = [part.rows, spec.cols];
    if (info.shape.length !== 2 || info.shape.some((d, i) => d !== expected[i])) {
      const facts = { file: info.file, tensor: info.name, got: info.shape, expected };
      throw new FormatError({ what: "the shape is not what config.json says", ...facts });
    }
    if (at < row + rows && row < at + part.rows) found.push({ info, row: at });
    at += part.rows;
  }
  if (found.length === 0) throw new FormatError({ what: "the base lacks a weight", tensor: spec.name });
  return found;
}

const noFloats = (file: string | undefined, got: string): ConfigError => {
  const what = "adapters are merged into float weights only";
  return new ConfigError({ what, file, got, expected: "safetensors of bf16, f16 or f32" }, "adapter");
};

function entryOf(
  files: WeightFiles,
  info: WeightTensor,
  additions: readonly Addition[] | undefined,
  pacer: Pacer,
  signal: AbortSignal | undefined,
): ShardEntry {
  const { name, shape } = info;
  const pieces = () => (additions ? mergedPieces(files, info, additions) : plainPieces(files, info));
  const data = async function* (): Pieces {
    for await (const piece of pieces()) {
      await pacer.pace();
      signal?.throwIfAborted();
      yield piece;
    }
  };
  return { name, dtype: info.dtype as SafetensorsDType, shape, data };
}

/** Bytes that are copied at a time. */
const PIECE = 2 ** 22;

async function* plainPieces(files: WeightFiles, { name, byteLength }: WeightTensor): Pieces {
  for (let at = 0; at < byteLength; at += PIECE)
    yield await files.readInto(name, at, new Uint8Array(Math.min(PIECE, byteLength - at)));
}

/** What may be large, and is written anew or of no use. */
const WEIGHTS = /\.(safetensors|gguf|bin|pt|pth|onnx|onnx_data|msgpack|h5)$|\.safetensors\.index\.json$|^\./;

/** Copies what stands beside the weights: all of a folder that lists its files, else those that are known. */
async function copySmall(from: Source, to: Sink): Promise<Merged["files"]> {
  const listed = (await from.list?.())?.filter((name) => !WEIGHTS.test(name));
  const copied: Merged["files"] = [];
  for (const name of listed ?? CARRIED) {
    const bytes = await ifThere(from, name, () => withFile(from, name, (file) => copy(name, file)));
    if (bytes !== undefined) copied.push({ name, bytes });
  }
  return copied;

  async function copy(name: string, file: { size: number; read(at: number, n: number): Promise<Uint8Array> }) {
    const out = await to.create(name);
    try {
      for (let at = 0; at < file.size; at += PIECE)
        await out.write(await file.read(at, Math.min(PIECE, file.size - at)));
    } finally {
      await out.close();
    }
    return file.size;
  }
}
