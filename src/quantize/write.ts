import { FormatError } from "../errors.ts";
import type { Pacer } from "../event-loop.ts";
import { CARRIED, PACKED_FILES, PACKED_KEY, PACKED_VERSION } from "../formats/packed/packed.ts";
import { type Pieces, type ShardEntry, writeShardedSafetensors } from "../formats/safetensors/index.ts";
import { createKernels } from "../kernels/create.ts";
import { packedShape } from "../load/formats.ts";
import type { WeightFiles, WeightTensor } from "../load/weight-files.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import { findNonFinite } from "../quant/check.ts";
import { allocMatrix, GROUP, packedBytes, ROWS } from "../quant/packed-matrix.ts";
import { ifThere, type Sink, type Source, withFile } from "../source/index.ts";
import { Arena, alignUp } from "../tensor/arena.ts";
import { Tensor } from "../tensor/tensor.ts";
import { readRows } from "./rows.ts";

/** Bytes that are read at a time. */
const PIECE = 2 ** 22;

export interface PackedContents {
  files: WeightFiles;
  /** The folder, for the small files. */
  folder: Source;
  specs: readonly WeightSpec[];
  formatOf: (spec: WeightSpec) => "q4" | "q8";
  /** The packed bytes of a matrix that was calibrated; others are packed as loading packs them. */
  calibrated: (spec: WeightSpec) => Promise<Uint8Array | undefined>;
  /** How it was made. */
  notes: Record<string, string>;
}

/**
 * Writes a packed file (formats/packed, docs/format.md).
 * @param name ends in .safetensors
 * @param onBytes called with the bytes written so far, and with the tensor at work
 */
export async function writePacked(
  sink: Sink,
  name: string,
  contents: PackedContents,
  pacer: Pacer,
  onBytes: (written: number, total: number, tensor: string) => void,
): Promise<number> {
  const entries = [
    ...contents.specs.map((spec) => weightEntry(contents, spec, pacer)),
    ...(await smallFiles(contents.folder)),
  ];
  const { files } = await writeShardedSafetensors(sink, entries, {
    name: name.replace(/\.safetensors$/, ""),
    maxShardBytes: Number.MAX_SAFE_INTEGER,
    metadata: { [PACKED_KEY]: PACKED_VERSION, ...contents.notes },
    onProgress: ({ written, total, tensor }) => onBytes(written, total, tensor),
  });
  return files[0].bytes;
}

function weightEntry(contents: PackedContents, spec: WeightSpec, pacer: Pacer): ShardEntry {
  const { files } = contents;
  const { name } = spec;
  if (isFloat(spec)) {
    const { shape } = files.tensors.get(name) as WeightTensor;
    return { name, dtype: "F32", shape, data: () => floatPieces(files, name) };
  }
  const format = contents.formatOf(spec);
  return {
    name,
    dtype: "U8",
    shape: packedShape(format, spec),
    data: () => matrixPieces(contents, spec, format, pacer),
  };
}

async function* floatPieces(files: WeightFiles, name: string): Pieces {
  yield new Uint8Array((await files.toFloat32(name)).buffer);
}

async function* matrixPieces(contents: PackedContents, spec: WeightSpec, format: "q4" | "q8", pacer: Pacer): Pieces {
  const calibrated = await contents.calibrated(spec);
  if (calibrated) yield calibrated;
  else yield* packedPieces(contents.files, spec, format, pacer);
}

/** A matrix as loading packs it, some rows at a time. @throws FormatError (code "non_finite_weight") */
async function* packedPieces(
  files: WeightFiles,
  { name, rows, cols }: WeightSpec,
  format: "q4" | "q8",
  pacer: Pacer,
): Pieces {
  const block = Math.max(1, Math.floor(PIECE / (ROWS * cols * 4))) * ROWS;
  const arena = new Arena(packedBytes(format, block, cols) + alignUp(block * cols * 4), { name: "packing" });
  const kernels = createKernels(arena);
  const matrix = allocMatrix(arena, format, block, cols);
  const source = Tensor.alloc(arena, "f32", [block, cols]);
  for (let row = 0; row < rows; row += block) {
    await pacer.pace();
    const n = Math.min(block, rows - row);
    const part = source.rows(0, n);
    part.f32.set(await readRows(files, name, row, n));
    // As a matrix of these rows, since the last ones may be no multiple of 8.
    kernels.packRows({ ...matrix, rows: n, byteLength: packedBytes(format, n, cols) }, 0, part);
    const bad = findNonFinite(matrix, 0, n);
    if (bad) {
      const got = `infinity, NaN or a huge value in row ${row + bad.row}, columns ${bad.col} to ${bad.col + GROUP - 1}`;
      const what = `a weight that ${format} cannot hold`;
      throw new FormatError({ what, tensor: name, got, expected: "finite weights" }, "non_finite_weight");
    }
    yield new Uint8Array(arena.buffer, matrix.ptr, packedBytes(format, n, cols)).slice();
  }
}

/** config.json, the tokenizer's files and the licence, as tensors of bytes. */
async function smallFiles(folder: Source): Promise<ShardEntry[]> {
  const entries: ShardEntry[] = [];
  for (const name of CARRIED) {
    const size = await ifThere(folder, name, (from) => withFile(from, name, async (file) => file.size));
    if (size !== undefined)
      entries.push({
        name: PACKED_FILES + name,
        dtype: "U8",
        shape: [size],
        data: () => filePieces(folder, name, size),
      });
  }
  return entries;
}

async function* filePieces(folder: Source, name: string, size: number): Pieces {
  const file = await folder.open(name);
  try {
    for (let at = 0; at < size; at += PIECE) yield await file.read(at, Math.min(PIECE, size - at));
  } finally {
    await file.close?.();
  }
}
