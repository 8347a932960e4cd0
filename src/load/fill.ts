import { FormatError } from "../errors.ts";
import { Pacer } from "../event-loop.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import { findNonFinite } from "../quant/check.ts";
import { dequantizeGgml, GGML_FORMATS } from "../quant/ggml/index.ts";
import { GROUP, type PackedMatrix, ROWS } from "../quant/packed-matrix.ts";
import { ALIGN } from "../tensor/arena.ts";
import { BYTES, type DType } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Slot } from "./allocate.ts";
import { exactFormat, isBlocks } from "./block-formats.ts";
import { packedFormat, packedShape } from "./formats.ts";
import { int4Blocks } from "./int4/fill.ts";
import { isInt4 } from "./int4/tensors.ts";
import { piecesOf } from "./parts.ts";
import type { WeightFiles, WeightTensor } from "./weight-files.ts";

/** Which dtypes of a file weights may have, and what they are in memory. */
const READABLE: Readonly<Record<string, DType>> = { F32: "f32", F16: "f16", BF16: "bf16" };

export interface FillOptions {
  signal?: AbortSignal;
  /** Called after each block, with the file and the tensor that it belongs to, and its bytes there. */
  onBlock?: (file: string, tensor: string, bytes: number) => void;
}

/**
 * Finds every weight in the files, before any memory is taken.
 * @throws FormatError if one is missing, has another shape than the config says, or a dtype that weights do not come in; and for tensors in
 * layers that the config does not know
 * @param files with the weights of which they hold parts ({@link withJoined})
 * @param unused tensors in layers that are left alone
 * @returns bytes that loading will read
 */
export function checkWeights(
  files: WeightFiles,
  specs: readonly WeightSpec[],
  unused: (tensor: string) => boolean = () => false,
): number {
  let bytes = 0;
  for (const spec of specs) {
    const info = files.tensors.get(spec.name);
    const shape = spec.vector ? [spec.cols] : [spec.rows, spec.cols];
    if (!info) throw missing(files, spec, shape);
    const place = { file: info.file, tensor: spec.name };
    const packed = isFloat(spec) ? undefined : packedFormat(info);
    if (packed) {
      checkPacked(info, spec, packed);
      bytes += info.byteLength;
      continue;
    }
    if (info.shape.length !== shape.length || info.shape.some((d, i) => d !== shape[i])) {
      throw new FormatError({
        what: "the shape is not what config.json says",
        ...place,
        got: info.shape,
        expected: shape,
      });
    }
    if (!Object.hasOwn(READABLE, info.dtype) && !isBlocks(info) && !isInt4(info)) {
      throw new FormatError({
        what: "weights of this dtype are not built",
        ...place,
        got: info.dtype,
        expected: [...Object.keys(READABLE), ...GGML_FORMATS.slice(3)],
      });
    }
    bytes += info.byteLength;
  }
  checkLayers(files, specs, unused);
  return bytes;
}

/** @throws FormatError if a packed matrix has another shape than the config says */
function checkPacked({ file, name: tensor, shape }: WeightTensor, spec: WeightSpec, format: "q4" | "q8"): void {
  const expected = packedShape(format, spec);
  if (shape.every((d, i) => d === expected[i])) return;
  throw new FormatError({
    what: `blocks of a ${format} matrix: the shape is not what config.json says`,
    ...{ file, tensor, got: shape, expected },
  });
}

function missing(files: WeightFiles, { name, parts }: WeightSpec, shape: readonly number[]): FormatError {
  // Of a matrix of which no part is there either, nobody knows that it should have parts.
  const part = parts?.some((p) => files.tensors.has(p.name))
    ? parts.find((p) => !files.tensors.has(p.name))
    : undefined;
  const tensor = part?.name ?? name;
  const expected = part ? [part.rows, ...shape.slice(1)] : shape;
  const names = [...new Set([...files.tensors.values()].map((info) => info.file))];
  const got = `${files.tensors.size} others in ${names.length > 3 ? `${names.length} files` : names.join(", ")}`;
  const [file] = names.length === 1 ? names : [];
  return new FormatError({ what: "the checkpoint lacks this tensor", file, tensor, got, expected }, "missing_tensor");
}

/**
 * What is left over in a layer, be it a bias or a whole layer, would change the answers; elsewhere it does no harm.
 * @throws FormatError (code "extra_tensor")
 */
function checkLayers(files: WeightFiles, specs: readonly WeightSpec[], unused: (tensor: string) => boolean): void {
  const known = new Set(specs.flatMap(({ name, parts = [] }) => [name, ...parts.map((part) => part.name)]));
  for (const { name: tensor, file, shape } of files.tensors.values()) {
    // Frequencies that old checkpoints keep; the config gives them too.
    if (known.has(tensor) || !tensor.startsWith("model.layers.") || tensor.endsWith(".rotary_emb.inv_freq")) continue;
    if (unused(tensor)) continue;
    throw new FormatError(
      {
        what: "config.json describes a model without this tensor",
        file,
        tensor,
        got: shape,
        expected: "no such tensor",
      },
      "extra_tensor",
    );
  }
}

/**
 * Streams all weights into their places, in the order in which they lie in the files. While a block is packed, or looked through, the next one is
 * read already; blocks lie in the arena's scratch or, where the file has them packed, in their place, so that no more memory than the arenas is
 * needed.
 * @throws the signal's reason on abort; SourceError where a file cannot be read; FormatError (code "non_finite_weight") for a weight that
 * its q4 or q8 group cannot hold
 */
export async function fillWeights(
  files: WeightFiles,
  slots: readonly Slot[],
  { signal, onBlock }: FillOptions = {},
): Promise<void> {
  const pacer = new Pacer();
  const blocks = blocksOf(files, slots);
  let next = readNext(files, blocks);
  while (next) {
    const { block, arrival } = next;
    await arrival;
    await pacer.pace();
    signal?.throwIfAborted();
    next = readNext(files, blocks);
    block.place();
    onBlock?.(block.info.file, block.info.name, block.into.length);
    // Whoever aborts at the last block does not want the model either.
    signal?.throwIfAborted();
  }
}

/** Bytes of a tensor that are read at once, and what is done when they are here. */
export interface Block {
  info: WeightTensor;
  /** From the tensor's start. */
  offset: number;
  into: Uint8Array;
  place(): void;
}

/** Begins to read a block. Who leaves without waiting for it has another error to tell: this one's is nobody's then. */
function readNext(
  files: WeightFiles,
  blocks: Iterator<Block>,
): { block: Block; arrival: Promise<unknown> } | undefined {
  const { value: block, done } = blocks.next();
  if (done) return undefined;
  const arrival = files.readInto(block.info.name, block.offset, block.into);
  arrival.catch(() => {});
  return { block, arrival };
}

/** Bytes that are read at a time: few enough to be still in a processor's cache when they are packed. */
const STAGED_BLOCK = 2 ** 20;
/** The same where they stay where they are. */
const PACKED_BLOCK = 2 ** 22;

function* blocksOf(files: WeightFiles, slots: readonly Slot[]): Generator<Block, undefined> {
  const placed = slots.flatMap((slot) =>
    piecesOf(files, slot.spec, slot.matrix).map(({ info, matrix }) => ({ slot: { ...slot, matrix }, info })),
  );
  placed.sort((a, b) =>
    a.info.file === b.info.file ? a.info.offset - b.info.offset : a.info.file < b.info.file ? -1 : 1,
  );
  let staged = 0;
  for (const { slot, info } of placed) {
    if (isInt4(info)) staged = yield* int4Blocks(slot, info, staged);
    else if (packedFormat(info)) yield* packedBlocks(slot, info);
    else staged = yield* stagedBlocks(slot, info, staged);
  }
  return undefined;
}

/**
 * A matrix of numbers or of a GGUF file's blocks, some rows at a time by way of the scratch: through its halves in turn, since one is read while
 * the other is packed. Blocks that memory holds as they are go straight through; others are dequantized on the way.
 * @param staged blocks before these
 * @returns the same with these
 */
function* stagedBlocks({ matrix, stage, staging }: Slot, info: WeightTensor, staged: number): Generator<Block, number> {
  const { arena, kernels } = stage;
  const exact = exactFormat(info) === matrix.format;
  const dtype = exact ? "u8" : (READABLE[info.dtype] ?? "f32");
  const rowBytes = info.byteLength / (info.shape.length === 1 ? 1 : info.shape[0]);
  const stagedBytes = exact ? rowBytes : matrix.cols * BYTES[dtype];
  const half = Math.floor(staging.bytes / 2 / ALIGN) * ALIGN;
  const rows = Math.max(1, Math.floor(Math.min(half, STAGED_BLOCK) / stagedBytes / ROWS)) * ROWS;
  for (let row = 0; row < matrix.rows; row += rows) {
    const n = Math.min(rows, matrix.rows - row);
    const ptr = staging.ptr + (staged++ % 2) * half;
    const blocks = !exact && isBlocks(info) ? info.dtype : undefined;
    const into = blocks ? new Uint8Array(n * rowBytes) : new Uint8Array(arena.buffer, ptr, n * rowBytes);
    const place = () => {
      if (blocks) dequantizeGgml(blocks, into, new Float32Array(arena.buffer, ptr, n * matrix.cols));
      const rows = new Tensor(arena, ptr, dtype, [n, stagedBytes / BYTES[dtype]]);
      if (exact) kernels.repackRows(matrix, row, rows);
      else kernels.packRows(matrix, row, rows);
      refuseNonFinite(matrix, row, n, info);
    };
    yield { info, offset: row * rowBytes, into, place };
  }
  return staged;
}

/** A matrix that is packed already, some rows of blocks at a time. */
function* packedBlocks({ matrix }: Slot, info: WeightTensor): Generator<Block> {
  const stride = info.byteLength / info.shape[0]; // of 8 rows
  const groups = Math.max(1, Math.floor(PACKED_BLOCK / stride));
  for (let group = 0; group < info.shape[0]; group += groups) {
    const n = Math.min(groups, info.shape[0] - group);
    const into = new Uint8Array(matrix.arena.buffer, matrix.ptr + group * stride, n * stride);
    const row = group * ROWS;
    const place = () => refuseNonFinite(matrix, row, Math.min(n * ROWS, matrix.rows - row), info);
    yield { info, offset: group * stride, into, place };
  }
}

/** An infinity or NaN would spoil its whole group of 32 when quantized; as float32 it is the file's own affair. */
function refuseNonFinite(
  matrix: PackedMatrix,
  row: number,
  n: number,
  { file, name, dtype, shape }: WeightTensor,
): void {
  const bad = matrix.format === "f32" ? undefined : findNonFinite(matrix, row, row + n);
  if (!bad) return;
  const columns = `row ${bad.row}, columns ${bad.col} to ${bad.col + GROUP - 1}`;
  if (packedFormat({ dtype, shape }) || exactFormat({ dtype }) === matrix.format) {
    const what = "a scale that is not finite";
    throw new FormatError({ what, file, tensor: name, got: columns, expected: "finite scales" }, "non_finite_weight");
  }
  const facts = { what: `a weight that ${matrix.format} cannot hold (use weights: "f32")`, file, tensor: name };
  const got = `infinity, NaN or a huge value in ${columns}`;
  throw new FormatError({ ...facts, got, expected: "finite weights" }, "non_finite_weight");
}
