import { toFloats, type WeightFiles, type WeightTensor } from "../load/weight-files.ts";
import type { Ids } from "./calibration.ts";

/** Rows `row` … `row + n - 1` of a matrix [N, C] in a checkpoint, as f32 [n, C]. */
export async function readRows(files: WeightFiles, name: string, row: number, n: number): Promise<Float32Array> {
  const info = files.tensors.get(name) as WeightTensor;
  const { shape, byteLength } = info;
  const stride = byteLength / shape[0];
  const bytes = await files.readInto(name, row * stride, new Uint8Array(n * stride));
  const out = new Float32Array(n * shape[1]);
  toFloats(info, bytes, out);
  return out;
}

/** The rows of an embedding table [V, D] that stand for the tokens of all sequences: f32 [tokens, D]. Each row is read once. */
export async function embedRows(
  files: WeightFiles,
  name: string,
  sequences: readonly Ids[],
  between: () => Promise<void>,
): Promise<Float32Array> {
  const places = new Map<number, number[]>();
  let tokens = 0;
  for (const id of sequences.flat()) {
    const at = places.get(id);
    if (at) at.push(tokens++);
    else places.set(id, [tokens++]);
  }
  const D = (files.tensors.get(name) as WeightTensor).shape[1];
  const x = new Float32Array(tokens * D);
  for (const [id, at] of [...places].sort(([a], [b]) => a - b)) {
    const row = await readRows(files, name, id, 1);
    for (const t of at) x.set(row, t * D);
    await between();
  }
  return x;
}
