/**
 * Weights that lie in memory as one and in a checkpoint as several tensors (q_proj, k_proj and v_proj as one matrix), or under another name.
 */
import { FormatError } from "../errors.ts";
import { attempt, type Tell, throwIt } from "../faults.ts";
import type { Part, WeightSpec } from "../model/weights.ts";
import { type PackedMatrix, packedBytes, ROWS } from "../quant/packed-matrix.ts";
import { READABLE, type WeightFiles, type WeightTensor } from "./weight-files.ts";

/**
 * The checkpoint with a tensor for each weight of `specs` that it holds in parts, under the weight's own name. A weight that lacks a part is left out.
 * @param tell of a part of another shape than the config says, of another dtype than the first, or beside the whole (FormatError)
 */
export function withJoined(files: WeightFiles, specs: readonly WeightSpec[], tell: Tell = throwIt): WeightFiles {
  const wholes = new Map<string, readonly WeightTensor[]>();
  const tensors = new Map(files.tensors);
  const faulty = new Set(files.faulty);
  for (const spec of specs) {
    if (!spec.parts) continue;
    const mine: Tell = (fault) => {
      faulty.add(spec.name);
      tell(fault);
    };
    if (files.tensors.has(spec.name)) {
      attempt(mine, () => refuseBoth(files, spec));
      continue;
    }
    const infos = spec.parts.map((part) => attempt(mine, () => checkPart(files.tensors.get(part.name), part, spec)));
    if (infos.some((info) => info === undefined)) continue;
    const found = infos as readonly WeightTensor[];
    // Parts of a GGUF file are quantized each by itself, and filled so (piecesOf).
    const other = files.container === "gguf" ? undefined : found.find((info) => info.dtype !== found[0].dtype);
    if (other) {
      const facts = { file: other.file, tensor: other.name, got: other.dtype, expected: found[0].dtype };
      tell(new FormatError({ what: `another dtype than ${found[0].name}, with which it is one matrix`, ...facts }));
    }
    const byteLength = found.reduce((sum, info) => sum + info.byteLength, 0);
    const shape = spec.vector ? [spec.cols] : [spec.rows, spec.cols];
    wholes.set(spec.name, found);
    // Of several the one that may have to be refused.
    const { dtype, blocks } =
      found.find((info) => !(Object.hasOwn(READABLE, info.dtype) || info.blocks || info.fill)) ?? found[0];
    tensors.set(spec.name, { ...found[0], dtype, blocks, name: spec.name, shape, byteLength });
  }
  if (wholes.size === 0) return { ...files, faulty };

  const readInto = async (name: string, offset: number, into: Uint8Array): Promise<Uint8Array> => {
    const parts = wholes.get(name);
    if (!parts) return files.readInto(name, offset, into);
    let start = 0; // of the part, in bytes of the whole
    for (const part of parts) {
      const [from, to] = [Math.max(offset, start), Math.min(offset + into.length, start + part.byteLength)];
      if (from < to) await files.readInto(part.name, from - start, into.subarray(from - offset, to - offset));
      start += part.byteLength;
    }
    return into;
  };
  return {
    ...files,
    tensors,
    faulty,
    readInto,
    async toFloat32(name) {
      const parts = wholes.get(name);
      if (!parts) return files.toFloat32(name);
      const values: Float32Array[] = [];
      for (const part of parts) values.push(await files.toFloat32(part.name));
      const out = new Float32Array(values.reduce((sum, v) => sum + v.length, 0));
      let at = 0;
      for (const v of values) {
        out.set(v, at);
        at += v.length;
      }
      return out;
    },
  };
}

/** A part beside the whole would be left alone, and nobody knows which of them is meant. */
function refuseBoth(files: WeightFiles, { name, parts = [] }: WeightSpec): void {
  const part = parts.map((p) => files.tensors.get(p.name)).find((info) => info !== undefined);
  if (!part) return;
  const facts = { file: part.file, tensor: part.name, got: part.shape, expected: "one of them" };
  throw new FormatError({ what: `a part of ${name}, which is in the checkpoint, too`, ...facts }, "extra_tensor");
}

function checkPart(info: WeightTensor | undefined, { rows }: Part, spec: WeightSpec): WeightTensor | undefined {
  if (!info) return undefined;
  const expected = spec.vector ? [rows] : [rows, spec.cols];
  if (info.shape.length === expected.length && info.shape.every((d, i) => d === expected[i])) return info;
  const facts = { file: info.file, tensor: info.name, got: info.shape, expected };
  throw new FormatError({ what: "the shape is not what config.json says", ...facts });
}

/** A tensor of the checkpoint and the rows of a weight's matrix that it fills. */
export interface Piece {
  info: WeightTensor;
  matrix: PackedMatrix;
}

/**
 * The tensors that fill `matrix`, each by itself, so that a file is read from its beginning to its end; the whole as one where rows of a block
 * lie in two of them.
 * @param whole the checkpoint as {@link withJoined} gives it
 */
export function piecesOf(whole: WeightFiles, spec: WeightSpec, matrix: PackedMatrix): Piece[] {
  const info = whole.tensors.get(spec.name) as WeightTensor;
  const parts = spec.parts?.map(({ name, rows }) => ({ info: whole.tensors.get(name), rows })) ?? [];
  if (parts.length === 0 || parts.some((part) => part.info === undefined)) return [{ info, matrix }];
  const { slices } = matrix;
  if (slices) return parts.map((part, i) => ({ info: part.info as WeightTensor, matrix: slices[i] }));
  const pieces: Piece[] = [];
  let row = 0;
  for (const { info: part, rows } of parts) {
    if (matrix.format !== "f32" && row % ROWS !== 0) {
      if (!part?.fill) return [{ info, matrix }];
      const facts = { file: info.file, tensor: info.name, got: row, expected: `a multiple of ${ROWS}` };
      throw new FormatError({ what: "outputs of an int4 matrix before this one, with which it is joined", ...facts });
    }
    pieces.push({ info: part as WeightTensor, matrix: rowsOf(matrix, spec, row, rows) });
    row += rows;
  }
  return pieces;
}

/** Rows of a matrix, or elements of a vector (a matrix of one row), as one that shares its bytes. */
function rowsOf(matrix: PackedMatrix, { vector }: WeightSpec, row: number, rows: number): PackedMatrix {
  const [n, cols] = vector ? [1, rows] : [rows, matrix.cols];
  const ptr = matrix.ptr + packedBytes(matrix.format, row, vector ? 1 : cols);
  return { ...matrix, rows: n, cols, ptr, byteLength: packedBytes(matrix.format, n, cols) };
}
