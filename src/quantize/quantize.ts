import { createFolder } from "#platform";
import { FormatError, type Notice, OptionError, SourceError } from "../errors.ts";
import { giveTurn, Pacer } from "../event-loop.ts";
import { EVERY_PART } from "../load/every-part.ts";
import { packedFormat } from "../load/formats.ts";
import { type Inspected, inspectModel } from "../load/plan-model.ts";
import { openCheckpoint } from "../load-phi.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import { type Input, withoutUrl } from "../open.ts";
import { readSmall, type Sink, type Source } from "../source/index.ts";
import { tokenizerIn } from "../tokenizer/load.ts";
import { calibrate, calibrateCost } from "./calibrate.ts";
import { matricesOf } from "./calibrate-layer.ts";
import { type Ids, OwnTexts, TOGETHER, textSequences } from "./calibration.ts";
import { PACK, writeCost } from "./cost.ts";
import { crc32 } from "./crc32.ts";
import { Kept } from "./kept.ts";
import { type Checked, checkQuantize, type QuantizeOptions } from "./options.ts";
import { fewNotices, HEAD_PIECE, headSpec, layerPiece, partOf } from "./pieces.ts";
import { Progress } from "./progress.ts";
import { writePacked } from "./write.ts";

/** What {@link quantizeCheckpoint} has written. */
export interface Quantized {
  /** Name of the file in the sink, and its bytes. */
  file: string;
  bytes: number;
  /** Tokens it was calibrated on; 0: none. */
  tokens: number;
  /** Pieces of finished work that were found damaged, and were made again. */
  damaged: readonly string[];
  /** What its user should know: code "few_tokens" where experts saw too few tokens to be calibrated. */
  notices: readonly Notice[];
}

/** Tokens of the longest calibration sequence. */
const LENGTH = 512;

/** Part of every job's number: to be raised when the same job would give other bytes. */
const ALGORITHM = "2";

/**
 * Makes one packed file of a checkpoint: matrices as kernels read them, norms, config and tokenizer, to be loaded by `loadPhi` without
 * conversion. Unless `fast` is asked for, q4 matrices are quantized by what they do to the model's own inputs: error feedback through the
 * factored second moments of each matrix's inputs (GPTQ, arXiv 2210.17323), then coordinate descent. The same checkpoint and options give the
 * same bytes on every engine, however often the job was interrupted.
 * @param source the checkpoint: whatever `loadPhi` takes
 * @param sink the path of a folder to write into, or a Sink
 * @throws OptionError, SourceError, FormatError, ConfigError, TokenizerError before anything is computed; FormatError (code "packed") for a
 *   checkpoint that is packed already; MemoryError
 * @throws PhiError (codes "calibration", "other_job", "wasm"), or the signal's reason
 * @example
 * await quantizeCheckpoint("models/phi-tiny", "out", { fast: true });
 * const phi = await loadPhi("out/model.safetensors");
 */
export async function quantizeCheckpoint(
  source: Input,
  sink: string | Sink,
  options: QuantizeOptions = {},
): Promise<Quantized> {
  const checked = checkQuantize(options);
  const { weights, embedding, threads, signal, file } = checked;
  signal?.throwIfAborted();
  if (typeof sink !== "string" && typeof sink?.create !== "function") {
    throw new OptionError({ what: "quantizeCheckpoint: sink", got: sink, expected: "a folder's path or a Sink" });
  }
  const folder = await openCheckpoint("quantizeCheckpoint", source, { ...withoutUrl(options).fetching, signal });
  const inspected = await inspectModel(folder, { weights, embedding, threads, ...EVERY_PART });
  try {
    return await run(folder, inspected, typeof sink === "string" ? await createFolder(sink) : sink, checked, file);
  } finally {
    await inspected.files.close();
  }
}

async function run(
  folder: Source,
  inspected: Inspected,
  sink: Sink,
  options: Checked,
  file: string,
): Promise<Quantized> {
  const { files, config, plan, threading } = inspected;
  const { specs } = plan;
  const { weights, embedding, signal } = options;
  refusePacked(inspected);
  const calibrated = !options.fast && (weights === "q4" || embedding === "q4");
  const pacer = new Pacer(undefined, async () => {
    await giveTurn();
    signal?.throwIfAborted();
  });
  const formatOf = (spec: WeightSpec) => (typeof spec.place === "number" ? weights : embedding);
  const parts = { files, config, specs, weights, embedding, kv: plan.kv };
  const writing = specs.reduce((n, s) => n + PACK * s.rows * s.cols, 0);
  const estimated = calibrated ? (writeCost(specs) + 1) * options.tokens + calibrateCost(parts, options.tokens) : 0;
  const progress = new Progress(writing + estimated, options.onProgress);
  const kept = new Kept(await jobNumber(folder, inspected, options), options.work);

  let tokens = 0;
  if (calibrated) {
    const length = Math.min(LENGTH, config.contextLength, config.longrope?.originalContext ?? LENGTH);
    const sequences = await calibrationSequences(folder, options, length, kept, progress, writeCost(specs), pacer);
    tokens = sequences.reduce((n, s) => n + s.length, 0);
    await calibrate({ ...parts, sequences, length, kept, progress, pacer, threading, signal });
  }
  const pieces = lastPiece(kept);
  const contents = {
    ...{ files, folder, specs, formatOf, notes: notesOf(options, tokens) },
    calibrated: async (spec: WeightSpec) => (calibrated ? pieceOf(pieces, specs, spec, formatOf(spec)) : undefined),
  };
  let before = 0;
  const bytes = await writePacked(sink, file, contents, pacer, (written, total, tensor) => {
    progress.add((writing * (written - before)) / total, "writing", tensor);
    before = written;
  });
  const notices = calibrated ? await fewNotices(kept, config.layers) : [];
  return { file, bytes, tokens, damaged: kept.damaged, notices };
}

/** The calibrated bytes of a matrix. */
async function pieceOf(pieces: Pieces, specs: readonly WeightSpec[], spec: WeightSpec, format: string) {
  if (format !== "q4") return undefined;
  if (typeof spec.place !== "number") return spec === headSpec(specs) ? pieces(HEAD_PIECE) : undefined;
  const layer = matricesOf(specs.filter((s) => s.place === spec.place));
  return partOf(await pieces(layerPiece(spec.place)), layer, spec);
}

type Pieces = (name: string) => Promise<Uint8Array>;

/** Pieces that this very job has put there. A layer's is asked for by each of its matrices in turn, and read once. */
function lastPiece(kept: Kept): Pieces {
  let last: { name: string; piece: Uint8Array } | undefined;
  return async (name) => {
    if (last?.name === name) return last.piece;
    const piece = await kept.get(name);
    if (!piece)
      throw new SourceError({ what: "a finished piece of the job was removed or damaged while it ran", file: name });
    last = { name, piece };
    return piece;
  };
}

function refusePacked({ files, plan }: Inspected): void {
  const { tensors } = files;
  for (const spec of plan.specs) {
    const { name } = spec;
    const info = tensors.get(name);
    const format = info && !isFloat(spec) ? packedFormat(info) : undefined;
    if (!format) continue;
    const facts = { what: "this checkpoint is packed already", file: info?.file, tensor: name, got: format };
    throw new FormatError({ ...facts, expected: "bf16, f16 or f32" }, "packed");
  }
}

/** The sequences to calibrate on: of the text that was given, or written by the model itself and kept. */
async function calibrationSequences(
  folder: Source,
  { text, tokens, seed, threads, signal }: Checked,
  length: number,
  kept: Kept,
  progress: Progress,
  cost: number,
  pacer: Pacer,
): Promise<Ids[]> {
  const tokenizer = await tokenizerIn(folder);
  if (text !== undefined) {
    if (!tokenizer) {
      const what = "quantizeCheckpoint: a calibration text needs a tokenizer.json beside the weights";
      throw new OptionError({ what, expected: "no text, or a checkpoint with a tokenizer" });
    }
    progress.add(cost * tokens, "calibration", "text", true);
    return textSequences(tokenizer, text, tokens, length);
  }
  const sequences: Ids[] = [];
  let count = 0;
  /** Those that still count: as many as are asked for, and the one that passes that. */
  const take = (texts: readonly Ids[]) => {
    for (const ids of texts) {
      if (count >= tokens) return;
      sequences.push(ids);
      count += ids.length;
    }
  };
  let own: OwnTexts | undefined;
  try {
    for (let first = 0; count < tokens; ) {
      const n = Math.min(TOGETHER, Math.ceil((tokens - count) / length));
      const name = `texts-${String(first).padStart(4, "0")}`;
      const found = await kept.get(name);
      const before = count;
      let written = before;
      const add = (more: number, detail: string) => {
        const counted = Math.min(tokens, written + more) - Math.min(tokens, written);
        written += more;
        progress.add(cost * counted, "calibration", detail, found !== undefined);
      };
      if (found) take(JSON.parse(new TextDecoder().decode(found)));
      else {
        own ??= await OwnTexts.load(folder, seed, length, { threads, signal });
        const texts = await own.write(first, n, pacer, (more) =>
          add(more, `${written + more} of ${tokens} tokens written`),
        );
        await kept.put(name, new TextEncoder().encode(JSON.stringify(texts)));
        take(texts);
      }
      if (found) add(count - before, "texts of an earlier run");
      first += n;
    }
  } finally {
    own?.dispose();
  }
  return sequences;
}

/**
 * A number that is another for another checkpoint or other options: over config.json, what the headers say, and the first kilobytes of
 * every tensor.
 */
async function jobNumber(folder: Source, { files, plan }: Inspected, options: Checked): Promise<number> {
  const { weights, embedding, fast, text, tokens, seed } = options;
  const words = JSON.stringify([ALGORITHM, weights, embedding, fast, text, tokens, seed]);
  let crc = crc32(new TextEncoder().encode(words));
  crc = crc32(await readSmall(folder, "config.json"), crc);
  for (const { name } of plan.specs) {
    const { dtype, shape, byteLength } = files.tensors.get(name) as {
      dtype: string;
      shape: readonly number[];
      byteLength: number;
    };
    crc = crc32(new TextEncoder().encode(JSON.stringify([name, dtype, shape])), crc);
    crc = crc32(await files.readInto(name, 0, new Uint8Array(Math.min(4096, byteLength))), crc);
  }
  return crc;
}

/** How the file was made, for those who look into it. */
function notesOf({ weights, embedding, text, seed }: Checked, tokens: number): Record<string, string> {
  const from = text === undefined ? `the model's own, seed ${seed}` : "a given text";
  const how = tokens === 0 ? "search of scales" : `second order, ${tokens} tokens of calibration: ${from}`;
  return { "phi-ts.weights": weights, "phi-ts.embedding": embedding, "phi-ts.quantizer": how };
}
