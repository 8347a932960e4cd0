import type { Pacer } from "../event-loop.ts";
import type { Kernels, KVFormat } from "../kernels/kernels.ts";
import type { WeightFiles } from "../load/weight-files.ts";
import type { PhiConfig } from "../model/config.ts";
import { norm } from "../model/norm.ts";
import { scale } from "../model/scale.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import { allocMatrix, type PackedMatrix, packedBytes } from "../quant/packed-matrix.ts";
import { Arena, alignUp } from "../tensor/arena.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { ThreadChoice } from "../threads/index.ts";
import type { Ids } from "./calibration.ts";
import { factorCost, forwardCost, layerSpecs, momentCost, solveCost } from "./cost.ts";
import type { Kept } from "./kept.ts";
import { LayerRunner, type Stream } from "./layer.ts";
import { matrixBytes, PASSES, quantizeMatrix } from "./matrix.ts";
import { Moments } from "./moments.ts";
import { DAMPING, type Damping, TIED_DAMPING } from "./objective.ts";
import type { Progress } from "./progress.ts";
import { embedRows, readRows } from "./rows.ts";
import { makeTeam, type Team } from "./team.ts";

/** Tokens of a chunk that goes through the last norm. */
const CHUNK = 32;

export interface Calibration {
  files: WeightFiles;
  config: PhiConfig;
  specs: readonly WeightSpec[];
  /** Formats of the layers and of the tables; what is q8 is not calibrated. */
  weights: "q4" | "q8";
  embedding: "q4" | "q8";
  kv: KVFormat;
  sequences: readonly Ids[];
  /** Tokens of the longest sequence. */
  length: number;
  kept: Kept;
  progress: Progress;
  pacer: Pacer;
  threading: ThreadChoice;
  signal?: AbortSignal;
}

/** Names of kept pieces. */
export const layerPiece = (layer: number): string => `layer-${String(layer).padStart(4, "0")}`;
export const HEAD_PIECE = "head";

/** The matrix of the output layer: the embedding where they are tied. */
export const headSpec = (specs: readonly WeightSpec[]): WeightSpec =>
  (specs.find((s) => s.slot === "head") ?? specs.find((s) => s.slot === "embed")) as WeightSpec;

const matrices = (layer: readonly WeightSpec[]): WeightSpec[] => layer.filter((s) => !isFloat(s));

/** What {@link calibrate} costs, by cost.ts. */
export function calibrateCost(
  c: Pick<Calibration, "config" | "specs" | "weights" | "embedding">,
  tokens: number,
): number {
  const layer = layerSpecs(c.specs, c.config)[0];
  const one = matrices(layer).reduce((sum, s) => sum + matrixCost(s, tokens), 0);
  const layers =
    c.config.layers * (forwardCost(layer) * tokens + (c.weights === "q4" ? one + forwardCost(layer) * tokens : 0));
  return layers + (c.embedding === "q4" ? matrixCost(headSpec(c.specs), tokens) : 0);
}

const matrixCost = ({ rows, cols }: WeightSpec, tokens: number): number =>
  momentCost(cols) * tokens + factorCost(cols) + rows * solveCost(cols, PASSES);

/**
 * Quantizes the layers from the first to the last, each by the inputs that its matrices get from the quantized layers before it, then the
 * output layer by what the last norm gives. The stream begins with the embedding as the checkpoint has it. A layer is run twice: packed as q8
 * to see its inputs (they differ from those of float32 by next to nothing, and it costs a quarter of the memory), and quantized, to go on.
 * Finished layers are kept.
 * @throws PhiError (codes "calibration", "other_job", "wasm"); WorkerError; MemoryError; SourceError; what `pacer` throws
 */
export async function calibrate(job: Calibration): Promise<void> {
  const team = makeTeam(job.threading);
  try {
    await work(job, team);
  } finally {
    team.end();
  }
}

async function work(job: Calibration, team: Team): Promise<void> {
  const { files, config, specs, weights, length, kept, pacer } = job;
  const layers = layerSpecs(specs, config);
  const embed = specs.find((s) => s.slot === "embed") as WeightSpec;
  const x = await embedRows(files, embed.name, job.sequences, () => pacer.pace());
  scale(x, config.embeddingScale);
  const stream: Stream = { x, lengths: job.sequences.map((s) => s.length) };
  const bench = workbench(job, layers[0], team);
  const runner = { config, kv: job.kv, contextSize: length, team };
  const original = new LayerRunner(layers[0], { ...runner, format: "q8" });
  const quantized = weights === "q4" ? new LayerRunner(layers[0], { ...runner, format: "q4" }) : original;
  await team.begin();
  const start = weights === "q4" ? await resume(job, x, layers) : 0;
  for (const [i, layer] of layers.entries()) {
    if (i < start) continue;
    const detail = `layer ${i + 1} of ${layers.length}`;
    if (weights === "q4") {
      const norms = layer.filter(isFloat);
      await quantized.fill(files, norms, job.signal);
      const found = await kept.get(layerPiece(i));
      if (found)
        restore(
          found,
          matrices(layer).map((s) => quantized.matrix(s.slot)),
        );
      else await kept.put(layerPiece(i), await quantizeLayer(job, bench, stream, layer, original, quantized, detail));
    } else await original.fill(files, layer, job.signal);
    await quantized.run(stream, i, undefined, async (T) => {
      job.progress.add(T * forwardCost(layer), "layers", detail);
      await pacer.pace();
    });
    if (weights === "q4" && kept.durable) await keepStream(kept, i + 1, x);
  }
  if (job.embedding === "q4" && !(await kept.get(HEAD_PIECE)))
    await kept.put(HEAD_PIECE, await quantizeHead(job, bench, stream));
}

/** Kernels in an arena with room for the moments of one layer, or for the work on its widest matrix. */
function workbench({ config, specs }: Calibration, layer: readonly WeightSpec[], team: Team): Kernels {
  const widths = matrices(layer).map((s) => s.cols);
  const moments = widths.reduce((sum, C) => sum + Moments.bytes(C), 0);
  const norms = alignUp(config.hiddenSize * 4) * (CHUNK + 2) + Moments.bytes(headSpec(specs).cols);
  const bytes = Math.max(moments, norms, ...widths.map(matrixBytes), matrixBytes(headSpec(specs).cols));
  return team.bench(bytes, "quantizer");
}

/** The layer's matrices, packed one after the other; they lie in `quantized` then. */
async function quantizeLayer(
  { files, progress, pacer, signal }: Calibration,
  bench: Kernels,
  stream: Stream,
  layer: readonly WeightSpec[],
  original: LayerRunner,
  quantized: LayerRunner,
  detail: string,
): Promise<Uint8Array> {
  await original.fill(files, layer, signal);
  const mark = bench.arena.mark();
  const moments = new Map(matrices(layer).map((s) => [s.slot, new Moments(bench, s.cols)]));
  const all = [...moments.values()];
  await original.run(
    stream,
    layer[0].place as number,
    (slot, x) => moments.get(slot)?.take(x),
    async (T) => {
      for (const m of all) if (m.room < CHUNK) await m.add(pacer);
      progress.add(T * (forwardCost(layer) + all.reduce((n, m) => n + momentCost(m.C), 0)), "layers", detail);
      await pacer.pace();
    },
  );
  for (const m of all) await m.add(pacer);
  bench.arena.release(mark);
  for (const { slot, name, cols } of matrices(layer)) {
    const job = { name, damping: DAMPING, moments: moments.get(slot) as Moments, matrix: quantized.matrix(slot) };
    const read = (row: number, n: number) => readRows(files, name, row, n);
    await quantizeMatrix(bench, { ...job, read }, pacer, (rows) =>
      progress.add(rows * solveCost(cols, PASSES), "layers", detail),
    );
    moments.delete(slot);
    progress.add(factorCost(cols), "layers", detail);
  }
  return joined(matrices(layer).map((s) => quantized.matrix(s.slot)));
}

/**
 * Where an interrupted job goes on: at the first layer that is not kept, or before it at one whose stream is, which is put into x then.
 * @returns the number of the layer
 */
async function resume(
  { kept, config, progress }: Calibration,
  x: Float32Array,
  layers: WeightSpec[][],
): Promise<number> {
  if (!kept.durable) return 0;
  let finished = 0;
  while (finished < layers.length && (await kept.get(layerPiece(finished)))) finished++;
  let start = 0;
  for (const name of STREAM_PIECES) {
    const piece = await kept.get(name);
    if (!piece || piece.length !== 4 + x.byteLength) continue;
    const layer = new DataView(piece.buffer, piece.byteOffset).getUint32(0, true);
    if (layer <= start || layer > finished) continue;
    start = layer;
    new Uint8Array(x.buffer).set(piece.subarray(4));
  }
  const tokens = x.length / config.hiddenSize;
  for (let i = 0; i < finished; i++) {
    const cost = matrices(layers[i]).reduce((sum, s) => sum + matrixCost(s, tokens), forwardCost(layers[i]) * tokens);
    const run = i < start ? forwardCost(layers[i]) * tokens : 0;
    progress.add(cost + run, "layers", `layer ${i + 1} of ${layers.length} is finished`, true);
  }
  return start;
}

/** The stream before layer `layer`: two files by turns, so that one is whole whenever the job is interrupted. */
async function keepStream(kept: Kept, layer: number, x: Float32Array): Promise<void> {
  const piece = new Uint8Array(4 + x.byteLength);
  new DataView(piece.buffer).setUint32(0, layer, true);
  piece.set(new Uint8Array(x.buffer), 4);
  await kept.put(STREAM_PIECES[layer % 2], piece);
}

const STREAM_PIECES = ["stream-even", "stream-odd"] as const;

/** The output layer, by what it sees behind the last norm. A tied one is the embedding too, and is damped more for that. */
async function quantizeHead(job: Calibration, bench: Kernels, { x }: Stream): Promise<Uint8Array> {
  const { files, config, specs, progress, pacer } = job;
  const { name, rows, cols: D } = headSpec(specs);
  const mark = bench.arena.mark();
  const vector = async (slot: string) => {
    const spec = specs.find((s) => s.slot === slot);
    if (!spec) return undefined;
    const values = Tensor.alloc(bench.arena, "f32", [D]);
    values.f32.set(await files.toFloat32(spec.name));
    return values;
  };
  const weight = (await vector("norm")) as Tensor;
  const bias = await vector("normBias");
  const h = Tensor.alloc(bench.arena, "f32", [CHUNK, D]);
  const moments = new Moments(bench, D);
  for (let at = 0; at < x.length; at += CHUNK * D) {
    const part = x.subarray(at, Math.min(x.length, at + CHUNK * D));
    const T = part.length / D;
    const chunk = h.rows(0, T);
    chunk.f32.set(part);
    norm(bench, chunk, chunk, weight, bias, config.normEps);
    moments.take(chunk.f32);
    if (moments.room < CHUNK) await moments.add(pacer);
    progress.add(T * momentCost(D), "head", "output layer");
  }
  await moments.add(pacer);
  bench.arena.release(mark);
  const matrix = allocMatrix(new Arena(packedBytes("q4", rows, D), { name: "output layer" }), "q4", rows, D);
  const damping: Damping = config.tiedEmbeddings ? TIED_DAMPING : DAMPING;
  const read = (row: number, n: number) => readRows(files, name, row, n);
  await quantizeMatrix(bench, { name, matrix, read, moments, damping }, pacer, (n) =>
    progress.add(n * solveCost(D, PASSES), "head", "output layer"),
  );
  return joined([matrix]);
}

const bytesOf = ({ arena, ptr, byteLength }: PackedMatrix): Uint8Array => new Uint8Array(arena.buffer, ptr, byteLength);

function joined(list: readonly PackedMatrix[]): Uint8Array {
  const whole = new Uint8Array(list.reduce((n, m) => n + m.byteLength, 0));
  let at = 0;
  for (const m of list) {
    whole.set(bytesOf(m), at);
    at += m.byteLength;
  }
  return whole;
}

function restore(piece: Uint8Array, list: readonly PackedMatrix[]): void {
  let at = 0;
  for (const m of list) {
    bytesOf(m).set(piece.subarray(at, at + m.byteLength));
    at += m.byteLength;
  }
}
