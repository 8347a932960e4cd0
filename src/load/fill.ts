import { FormatError } from "../errors.ts";
import { Pacer } from "../event-loop.ts";
import type { Safetensors, TensorInfo } from "../formats/safetensors/index.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import { findNonFinite } from "../quant/check.ts";
import { GROUP, type PackedMatrix, ROWS } from "../quant/packed-matrix.ts";
import { BYTES, type DType } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Slot } from "./allocate.ts";
import { packedFormat, packedShape } from "./formats.ts";
import { piecesOf } from "./parts.ts";

/** Which dtypes of a file weights may have, and what they are in memory. */
const READABLE: Readonly<Record<string, DType>> = { F32: "f32", F16: "f16", BF16: "bf16" };

export interface FillOptions {
  signal?: AbortSignal;
  /** Called after each block, with the file and the tensor that it belongs to. */
  onBlock?: (file: string, tensor: string) => void;
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
  files: Safetensors,
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
    if (!Object.hasOwn(READABLE, info.dtype)) {
      throw new FormatError({
        what: "weights of this dtype are not built",
        ...place,
        got: info.dtype,
        expected: Object.keys(READABLE),
      });
    }
    bytes += info.byteLength;
  }
  checkLayers(files, specs, unused);
  return bytes;
}

/** @throws FormatError if a packed matrix has another shape than the config says */
function checkPacked({ file, name: tensor, shape }: TensorInfo, spec: WeightSpec, format: "q4" | "q8"): void {
  const expected = packedShape(format, spec);
  if (shape.every((d, i) => d === expected[i])) return;
  throw new FormatError({
    what: `blocks of a ${format} matrix: the shape is not what config.json says`,
    ...{ file, tensor, got: shape, expected },
  });
}

function missing(files: Safetensors, { name, parts }: WeightSpec, shape: readonly number[]): FormatError {
  const part = parts?.find((p) => !files.tensors.has(p.name));
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
function checkLayers(files: Safetensors, specs: readonly WeightSpec[], unused: (tensor: string) => boolean): void {
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
 * Streams all weights into their places, in the order in which they lie in the files: a block of rows is read into the arena's scratch and
 * packed from there, so that no more memory than the arenas is needed.
 * @throws the signal's reason on abort; SourceError where a file cannot be read; FormatError (code "non_finite_weight") for a weight that
 * its q4 or q8 group cannot hold
 */
export async function fillWeights(
  files: Safetensors,
  slots: readonly Slot[],
  options: FillOptions = {},
): Promise<void> {
  const placed = slots.flatMap((slot) =>
    piecesOf(files, slot.spec, slot.matrix).map(({ info, matrix }) => ({ slot: { ...slot, matrix }, info })),
  );
  placed.sort((a, b) =>
    a.info.file === b.info.file ? a.info.offset - b.info.offset : a.info.file < b.info.file ? -1 : 1,
  );
  const pacer = new Pacer();
  for (const { slot, info } of placed) {
    const { matrix, stage, staging } = slot;
    const { arena, kernels } = stage;
    if (packedFormat(info)) {
      for await (const _ of readPacked(files, slot, info, pacer, options.signal))
        options.onBlock?.(info.file, info.name);
      continue;
    }
    const dtype = READABLE[info.dtype];
    const rowBytes = matrix.cols * BYTES[dtype];
    const block = Math.floor(staging.bytes / rowBytes / ROWS) * ROWS;
    for (let row = 0; row < matrix.rows; row += block) {
      await pacer.pace();
      options.signal?.throwIfAborted();
      const n = Math.min(block, matrix.rows - row);
      await files.readInto(info.name, row * rowBytes, new Uint8Array(arena.buffer, staging.ptr, n * rowBytes));
      kernels.packRows(matrix, row, new Tensor(arena, staging.ptr, dtype, [n, matrix.cols]));
      refuseNonFinite(matrix, row, n, info);
      options.onBlock?.(info.file, info.name);
    }
  }
  // Whoever aborts at the last block does not want the model either.
  options.signal?.throwIfAborted();
}

/** Bytes of a packed matrix that are read at a time. */
const PACKED_BLOCK = 2 ** 22;

/** Reads a matrix that is packed already into its place, some rows of blocks at a time; yields after each. */
async function* readPacked(files: Safetensors, { matrix }: Slot, info: TensorInfo, pacer: Pacer, signal?: AbortSignal) {
  const stride = info.byteLength / info.shape[0]; // of 8 rows
  const block = Math.max(1, Math.floor(PACKED_BLOCK / stride));
  for (let group = 0; group < info.shape[0]; group += block) {
    await pacer.pace();
    signal?.throwIfAborted();
    const n = Math.min(block, info.shape[0] - group);
    const at = matrix.ptr + group * stride;
    await files.readInto(info.name, group * stride, new Uint8Array(matrix.arena.buffer, at, n * stride));
    refuseNonFinite(matrix, group * ROWS, Math.min(n * ROWS, matrix.rows - group * ROWS), info);
    yield;
  }
}

/** An infinity or NaN would spoil its whole group of 32 when quantized; as float32 it is the file's own affair. */
function refuseNonFinite(matrix: PackedMatrix, row: number, n: number, { file, name, dtype, shape }: TensorInfo): void {
  const bad = matrix.format === "f32" ? undefined : findNonFinite(matrix, row, row + n);
  if (!bad) return;
  const columns = `row ${bad.row}, columns ${bad.col} to ${bad.col + GROUP - 1}`;
  if (packedFormat({ dtype, shape })) {
    const what = "a scale that is not finite";
    throw new FormatError({ what, file, tensor: name, got: columns, expected: "finite scales" }, "non_finite_weight");
  }
  const facts = { what: `a weight that ${matrix.format} cannot hold (use weights: "f32")`, file, tensor: name };
  const got = `infinity, NaN or a huge value in ${columns}`;
  throw new FormatError({ ...facts, got, expected: "finite weights" }, "non_finite_weight");
}
