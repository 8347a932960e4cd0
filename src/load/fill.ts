import { FormatError } from "../errors.ts";
import { Pacer } from "../event-loop.ts";
import { attempt, type Tell, throwIt } from "../faults.ts";
import { findNonFinite } from "../quant/check.ts";
import { GROUP, type PackedMatrix, packedBytes, ROWS } from "../quant/packed-matrix.ts";
import { BYTES } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Slot } from "./allocate.ts";
import { packedFormat } from "./formats.ts";
import { piecesOf } from "./parts.ts";
import { IN_FLIGHT, partOf } from "./staging.ts";
import { READABLE, type WeightFiles, type WeightTensor } from "./weight-files.ts";

export interface FillOptions {
  signal?: AbortSignal;
  /** Called after each block, with the file and the tensor that it belongs to, and its bytes there. */
  onBlock?: (file: string, tensor: string, bytes: number) => void;
  /** Of a weight that its format cannot hold; default: that is thrown. */
  tell?: Tell;
}

/**
 * Streams all weights into their places, in the order in which they lie in the files. While a block is packed, or looked through, the next ones are
 * read already; blocks lie in the arena's scratch or, where the file has them packed, in their place, so that no more memory than the arenas is
 * needed.
 * @throws the signal's reason on abort; SourceError where a file cannot be read; FormatError (code "non_finite_weight") for a weight that
 * its q4 or q8 group cannot hold
 */
export async function fillWeights(
  files: WeightFiles,
  slots: readonly Slot[],
  { signal, onBlock, tell = throwIt }: FillOptions = {},
): Promise<void> {
  const pacer = new Pacer();
  for await (const block of arrivals(files, blocksOf(files, slots))) {
    await pacer.pace();
    signal?.throwIfAborted();
    attempt(tell, () => block.place());
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

/** The blocks in their order, each when it is here: {@link IN_FLIGHT} are on their way, or with the caller, at a time. */
async function* arrivals(files: WeightFiles, blocks: Iterable<Block>): AsyncGenerator<Block> {
  const coming: Promise<Block>[] = [];
  const read = async (block: Block) => {
    await files.readInto(block.info.name, block.offset, block.into);
    return block;
  };
  for (const block of blocks) {
    const arrival = read(block);
    // Who leaves without waiting for it has another error to tell: this one's is nobody's then.
    arrival.catch(() => {});
    coming.push(arrival);
    if (coming.length === IN_FLIGHT) yield coming.shift() as Promise<Block>;
  }
  for (const arrival of coming) yield arrival;
}

/** Bytes that are read at a time: few enough to be still in a processor's cache when they are packed. */
const STAGED_BLOCK = 2 ** 20;
/** The same where they go into the matrix's own memory first: a huge page, so that two readers seldom touch one for the first time. */
const MOVED_BLOCK = 2 ** 21;
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
    if (info.fill) staged = yield* info.fill(slot, staged);
    else if (packedFormat(info)) yield* packedBlocks(slot, info);
    else staged = yield* stagedBlocks(slot, info, staged);
  }
  return undefined;
}

/**
 * A matrix of numbers or of a GGUF file's blocks, some rows at a time by way of the scratch: through its parts in turn, since one is read while
 * another is packed. Blocks of the file that memory holds as they are, and which take no more bytes there than here, go another way as long as there
 * is room: into the matrix, where the rows after them will be, and from there to their place. So it is who reads that touches fresh memory first,
 * which takes longer than all else, and not this thread. Other blocks are dequantized on the way.
 *
 *     rows in the matrix   | 0: packed | 1: packed, was file's bytes of 0 | 2: file's bytes of 1 | 3: being read, file's bytes of 2 | 4 |
 *
 * @param staged blocks before these
 * @returns the same with these
 */
function* stagedBlocks({ matrix, stage, staging }: Slot, info: WeightTensor, staged: number): Generator<Block, number> {
  const { arena, kernels } = stage;
  const { format, cols } = matrix;
  const exact = info.blocks?.exact === format;
  const dtype = exact ? "u8" : (READABLE[info.dtype] ?? "f32");
  const rowBytes = info.byteLength / (info.shape.length === 1 ? 1 : info.shape[0]);
  const stagedBytes = exact ? rowBytes : cols * BYTES[dtype];
  const most = rowsIn(Math.min(partOf(staging, 0).bytes, STAGED_BLOCK), stagedBytes);
  const moved = rowsIn(MOVED_BLOCK, rowBytes);
  const movable = exact && moved * rowBytes <= packedBytes(format, moved, cols);
  for (let row = 0, n = 0; row < matrix.rows; row += n) {
    const behind = packedBytes(format, row + moved, cols);
    const move = movable && behind + moved * rowBytes <= matrix.byteLength;
    n = move ? moved : Math.min(most, matrix.rows - row);
    const ptr = move ? matrix.ptr + behind : partOf(staging, staged++).ptr;
    const blocks = exact ? undefined : info.blocks;
    const into = blocks ? new Uint8Array(n * rowBytes) : new Uint8Array(arena.buffer, ptr, n * rowBytes);
    const place = () => {
      if (blocks) blocks.toFloats(into, new Float32Array(arena.buffer, ptr, n * cols));
      const rows = new Tensor(arena, ptr, dtype, [n, stagedBytes / BYTES[dtype]]);
      if (exact && kernels.repackRows(matrix, row, rows)) return;
      if (!exact) kernels.packRows(matrix, row, rows);
      refuseNonFinite(matrix, row, n, info);
    };
    yield { info, offset: row * rowBytes, into, place };
  }
  return staged;
}

/** Rows of `width` bytes in so many bytes: a multiple of 8, and no fewer than these. */
const rowsIn = (bytes: number, width: number): number => Math.max(1, Math.floor(bytes / width / ROWS)) * ROWS;

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
  { file, name, dtype, shape, blocks }: WeightTensor,
): void {
  const bad = matrix.format === "f32" ? undefined : findNonFinite(matrix, row, row + n);
  if (!bad) return;
  const columns = `row ${bad.row}, columns ${bad.col} to ${bad.col + GROUP - 1}`;
  if (packedFormat({ dtype, shape }) || blocks?.exact === matrix.format) {
    const what = "a scale that is not finite";
    throw new FormatError({ what, file, tensor: name, got: columns, expected: "finite scales" }, "non_finite_weight");
  }
  const facts = { what: `a weight that ${matrix.format} cannot hold (use weights: "f32")`, file, tensor: name };
  const got = `infinity, NaN or a huge value in ${columns}`;
  throw new FormatError({ ...facts, got, expected: "finite weights" }, "non_finite_weight");
}
