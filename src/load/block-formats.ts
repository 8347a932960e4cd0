import type { Notice } from "../errors.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import { dequantizeGgml, type GgmlFormat, isGgmlFormat } from "../quant/ggml/index.ts";
import { ROWS, type Slice, type WeightFormat } from "../quant/packed-matrix.ts";
import type { ChosenFormats, WantedFormats } from "./formats.ts";
import { READABLE, type TensorBlocks, type WeightFiles, type WeightTensor } from "./weight-files.ts";

/** The kernel format that holds the blocks of a GGUF file bit for bit. Blocks that are not here are held as f32, which is exact, too. */
const KERNEL_FORMAT: Partial<Record<GgmlFormat, WeightFormat>> = {
  Q4_0: "q4",
  Q8_0: "q8",
  Q5_0: "q8",
  IQ4_NL: "q8",
  Q4_K: "q4k",
  Q5_K: "q5k",
  Q6_K: "q6k",
  Q3_K: "q6k",
  Q2_K: "q2k",
  IQ4_XS: "q4x",
  Q4_1: "q4m",
  Q5_1: "q5m",
};

/** How blocks of ggml are read; undefined for numbers. */
export function blocksOf({ dtype }: Pick<WeightTensor, "dtype">): TensorBlocks | undefined {
  if (!isGgmlFormat(dtype) || READABLE[dtype] !== undefined) return undefined;
  return { exact: KERNEL_FORMAT[dtype], toFloats: (bytes, out) => dequantizeGgml(dtype, bytes, out) };
}

/**
 * The formats of a GGUF file, whose maker has chosen what it loses: every matrix stays as exact as it is. Where its parts in the file have several kinds
 * of blocks, each part keeps its own; only where one of them is no multiple of 8 rows are all f32. Matrices of f16, bf16 or f32 become q8, which loses next to nothing, and stay
 * float32 where activations are. Notices say so.
 * @returns undefined where they are wanted in another format
 */
export function blockFormats(
  files: WeightFiles,
  specs: readonly WeightSpec[],
  { weights = "auto", embedding = "auto", activations = "int8" }: WantedFormats,
): ChosenFormats | undefined {
  if (weights !== "auto" || embedding !== "auto") return undefined;
  const matrices = specs.flatMap((spec) => {
    const info = isFloat(spec) ? undefined : files.tensors.get(spec.name);
    return info ? [{ spec, infos: partsOf(files, spec) ?? [info] }] : [];
  });
  const formats = new Map<string, WeightFormat>();
  const slices = new Map<string, readonly Slice[]>();
  const widened = new Map<string, number>();
  const rounded = new Map<string, number>();
  const float = activations === "f32" ? "f32" : "q8";
  const held = (info: WeightTensor): WeightFormat => (info.blocks ? (info.blocks.exact ?? "f32") : float);
  for (const { spec, infos } of matrices) {
    const rows = (i: number) => (infos.length > 1 && spec.parts ? spec.parts[i].rows : spec.rows);
    const parts = infos.map((info, i) => ({ format: held(info), rows: rows(i) }));
    const several = new Set(parts.map(({ format }) => format)).size > 1;
    const apart = several && parts.every(({ rows }) => rows % ROWS === 0);
    if (apart) slices.set(spec.name, parts);
    const most = parts.reduce((a, b) => (b.rows > a.rows ? b : a));
    formats.set(spec.name, several && !apart ? "f32" : most.format);
    for (const [i, info] of infos.entries()) {
      const into = several && !apart ? "f32" : parts[i].format;
      const told = info.blocks ? widened : rounded;
      if (into === (info.blocks ? "f32" : "q8"))
        told.set(info.dtype, (told.get(info.dtype) ?? 0) + 4 * parts[i].rows * spec.cols);
    }
  }
  const most = (here: (place: WeightSpec["place"]) => boolean): WeightFormat => {
    const weights = new Map<WeightFormat, number>();
    for (const { spec } of matrices) {
      const format = formats.get(spec.name) as WeightFormat;
      if (here(spec.place)) weights.set(format, (weights.get(format) ?? 0) + spec.rows * spec.cols);
    }
    return [...weights].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "q4";
  };
  return {
    format: most((place) => typeof place === "number"),
    embedding: most((place) => typeof place !== "number"),
    formats,
    slices,
    notices: [...widenedNotice(widened), ...roundedNotice(rounded)],
  };
}

/** The tensors of the file that are a matrix's rows, where it is not one. */
function partsOf({ tensors }: WeightFiles, { parts }: WeightSpec): WeightTensor[] | undefined {
  const found = parts?.flatMap(({ name }) => tensors.get(name) ?? []);
  return found?.length === parts?.length ? found : undefined;
}

function widenedNotice(bytes: ReadonlyMap<string, number>): Notice[] {
  if (bytes.size === 0) return [];
  const total = [...bytes.values()].reduce((sum, n) => sum + n, 0);
  const message =
    `blocks of ${[...bytes.keys()].join(", ")} are held as f32, exactly, in ${Math.ceil(total / 2 ** 20)} MiB of memory; ` +
    `weights: "q8" would take a quarter`;
  return [{ code: "wide_weights", message }];
}

function roundedNotice(weights: ReadonlyMap<string, number>): Notice[] {
  if (weights.size === 0) return [];
  const message = `matrices of ${[...weights.keys()].join(", ")} in a GGUF file are held as q8; weights: "f32" would keep them exactly, "q4" take half the memory`;
  return [{ code: "rounded_weights", message }];
}
