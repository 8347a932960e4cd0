import { type Notice, OptionError } from "../../errors.ts";
import { isFloat, type WeightSpec } from "../../model/weights.ts";
import type { WeightFormat } from "../../quant/packed-matrix.ts";
import type { ChosenFormats, WantedFormats } from "../formats.ts";
import type { WeightFiles, WeightTensor } from "../weight-files.ts";
import { int4Staging } from "./fill.ts";
import { type Int4Tensor, isInt4 } from "./tensors.ts";

/**
 * The formats of a checkpoint with int4 matrices: q4 where all zero points are 8, q4z where each group has its own; both hold them as they are.
 * But for scales in f32, which f16 rounds: where activations are float32 such matrices are dequantized, which is exact.
 * What the checkpoint has as f16, bf16 or f32 beside them (mostly embedding and output layer) becomes q8, and stays float32 where activations are.
 * @returns undefined for a checkpoint without int4 matrices
 * @throws OptionError if they are wanted as something else than what they are, or f32
 */
export function int4Formats(
  files: WeightFiles,
  specs: readonly WeightSpec[],
  { weights = "auto", embedding = "auto", activations = "int8" }: WantedFormats,
): ChosenFormats | undefined {
  const found = specs.flatMap((spec) => {
    const info = files.tensors.get(spec.name);
    return info && !isFloat(spec) ? [{ spec, info, parts: partsOf(files, spec, info) }] : [];
  });
  if (!found.some(({ parts }) => parts.length > 0)) return undefined;
  if (weights !== "auto" && weights !== "f32") {
    const what = 'loadPhi: option "weights": the checkpoint is quantized already and stays as it is';
    throw new OptionError({ what, got: weights, expected: "auto or f32" });
  }
  const exact = weights === "f32" || activations === "f32";
  const formats = new Map<string, WeightFormat>();
  const ordered = new Set<string>();
  let staging = 0;
  let rounded: WeightTensor | undefined;
  let scales: WeightTensor | undefined;
  for (const { spec, info, parts } of found) {
    const table = typeof spec.place !== "number";
    if (parts.length === 0) {
      const format = table && embedding !== "auto" ? embedding : exact ? "f32" : "q8";
      formats.set(spec.name, format);
      if (format !== "f32") rounded ??= info;
      continue;
    }
    staging = Math.max(staging, int4Staging(spec.rows, spec.cols));
    const wide = parts.find(({ int4 }) => int4.scales.dtype === "F32");
    if (weights === "f32" || (exact && wide)) {
      formats.set(spec.name, "f32");
      continue;
    }
    scales ??= wide?.int4.scales;
    formats.set(spec.name, parts.every(({ int4 }) => int4.scheme.symmetric) ? "q4" : "q4z");
    if (parts.some(({ int4 }) => int4.scheme.ordered && int4.gIdx && int4.groups > 1)) ordered.add(spec.name);
  }
  const of = (table: boolean): WeightFormat => {
    const all = found.filter(({ spec }) => (typeof spec.place !== "number") === table);
    const first = all.find(({ parts }) => parts.length > 0) ?? all[0];
    return (first && formats.get(first.spec.name)) ?? "q4";
  };
  return {
    format: of(false),
    embedding: of(true),
    formats,
    ordered,
    staging,
    notices: [...roundedWeights(rounded), ...roundedScales(scales)],
  };
}

/** The int4 tensors that a weight is made of; none if it is not int4. */
function partsOf(files: WeightFiles, spec: WeightSpec, info: WeightTensor): Int4Tensor[] {
  const parts = spec.parts?.map(({ name }) => files.tensors.get(name));
  if (parts?.every((part) => part !== undefined)) return parts.filter(isInt4);
  return isInt4(info) ? [info] : [];
}

function roundedWeights(rounded: WeightTensor | undefined): Notice[] {
  if (!rounded) return [];
  const message =
    `matrices that the int4 checkpoint has in ${rounded.dtype}, as ${rounded.name.slice(0, 200)}, are quantized to 8 bits or as ` +
    `option "embedding" says; activations: "f32" would keep them exactly`;
  return [{ code: "rounded_weights", message }];
}

function roundedScales(scales: WeightTensor | undefined): Notice[] {
  if (!scales) return [];
  const message = `the scales of int4 matrices are f32, as ${scales.name.slice(0, 200)}, and are rounded to f16; activations: "f32" would keep them exactly`;
  return [{ code: "rounded_scales", message }];
}
