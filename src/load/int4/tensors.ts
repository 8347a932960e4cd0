import { FormatError } from "../../errors.ts";
import { attempt, type Tell, throwIt } from "../../faults.ts";
import type { WeightSpec } from "../../model/weights.ts";
import { int4Shape } from "../../quant/int4/index.ts";
import { GROUP } from "../../quant/packed-matrix.ts";
import type { WeightFiles, WeightTensor } from "../weight-files.ts";
import type { Int4Scheme } from "./scheme.ts";

/** A matrix [N, C] that a checkpoint holds as int4 words, scales and zero points; src/quant/int4 draws them. */
export interface Int4Tensor extends WeightTensor {
  readonly int4: {
    readonly scheme: Int4Scheme;
    readonly words: WeightTensor;
    /** [G', N], of compressed-tensors [N, G']. */
    readonly scales: WeightTensor;
    /** Absent: all are 8. */
    readonly zeros?: WeightTensor;
    /** i32 [C]: the group of each input; absent: in their order. */
    readonly gIdx?: WeightTensor;
    /** A bias that the model has not: older tools write one of zeros beside each matrix. */
    readonly bias?: WeightTensor;
    /** G' */
    readonly groups: number;
    /** Inputs of a group. */
    readonly groupSize: number;
  };
}

export const isInt4 = (info: WeightTensor): info is Int4Tensor => "int4" in info;

const NAMES = {
  gptq: { words: "qweight", scales: "scales", zeros: "qzeros", gIdx: "g_idx" },
  awq: { words: "qweight", scales: "scales", zeros: "qzeros", gIdx: "" },
  "pack-quantized": {
    ...{ words: "weight_packed", scales: "weight_scale", zeros: "weight_zero_point", gIdx: "weight_g_idx" },
  },
} as const;

/** Whether a checkpoint has tensors of int4 words, whatever its config says. */
export const hasInt4 = ({ tensors }: WeightFiles): boolean =>
  [...tensors.keys()].some((name) => name.endsWith(".qweight") || name.endsWith(".weight_packed"));

/**
 * The checkpoint with one tensor for each matrix (or part of one) that it holds in int4, under the matrix's own name, in place of the tensors that
 * make it up. What is not quantized, though the config speaks of it, stays as it is.
 * @param tell of tensors that are missing or do not fit each other or the config (FormatError)
 */
export function withInt4(
  files: WeightFiles,
  specs: readonly WeightSpec[],
  scheme: Int4Scheme,
  tell: Tell = throwIt,
): WeightFiles {
  const tensors = new Map(files.tensors);
  const faulty = new Set(files.faulty);
  const known = new Set(specs.flatMap(({ name, parts = [] }) => [name, ...parts.map((part) => part.name)]));
  for (const { name, rows, cols, vector, parts = [] } of specs) {
    if (vector) continue;
    for (const part of [{ name, rows }, ...parts]) {
      const mine: Tell = (fault) => {
        faulty.add(name);
        for (const kind of Object.values(NAMES[scheme.layout])) tensors.delete(part.name.replace(/weight$/, kind));
        tell(fault);
      };
      const info = attempt(mine, () => int4Of(files, part.name, [part.rows, cols], scheme));
      if (!info) continue;
      const { words, scales, zeros, gIdx } = info.int4;
      const bias = files.tensors.get(part.name.replace(/weight$/, "bias"));
      const extra = bias && !known.has(bias.name) ? bias : undefined;
      for (const used of [words, scales, zeros, gIdx, extra]) if (used) tensors.delete(used.name);
      tensors.delete(part.name.replace(/weight$/, "weight_shape"));
      const byteLength = info.byteLength + (extra?.byteLength ?? 0);
      tensors.set(part.name, { ...info, byteLength, int4: { ...info.int4, bias: extra } } as Int4Tensor);
    }
  }
  return { ...files, tensors, faulty };
}

function int4Of(
  { tensors }: WeightFiles,
  name: string,
  [N, C]: readonly [number, number],
  scheme: Int4Scheme,
): Int4Tensor | undefined {
  const names = NAMES[scheme.layout];
  const part = (kind: keyof typeof names) =>
    names[kind] === "" ? undefined : tensors.get(name.replace(/weight$/, names[kind]));
  const words = part("words");
  if (!words) return undefined;
  const { file } = words;
  const packed = scheme.layout === "pack-quantized";
  if (!packed && (N % 8 !== 0 || C % GROUP !== 0)) {
    const facts = { file, tensor: words.name, got: [N, C], expected: "outputs by 8 and inputs by 32" };
    throw new FormatError({ what: `${scheme.name} of a matrix of this size`, ...facts });
  }
  check(words, ["I32"], int4Shape(scheme.layout, [N, C]));
  const scales = part("scales");
  if (!scales) throw lacks(name.replace(/weight$/, names.scales), file);
  const groups = scheme.groupSize === undefined ? (scales.shape[1] ?? 0) : groupCount(scheme.groupSize, C);
  check(scales, ["F16", "BF16", "F32"], packed ? [N, groups] : [groups, N]);
  const groupSize =
    scheme.groupSize === undefined || scheme.groupSize === -1 ? Math.ceil(C / groups) : scheme.groupSize;
  const even = groupSize * groups === C && groupSize % GROUP === 0;
  if (groups < 1 || (packed && groups > 1 && !even)) {
    const facts = {
      file,
      tensor: scales.name,
      got: scales.shape,
      expected: `groups of a multiple of 32 of ${C} inputs`,
    };
    throw new FormatError({ what: "scales of groups of another size than are built", ...facts });
  }
  const zeros = part("zeros");
  if (!zeros && (!packed || !scheme.symmetric)) throw lacks(name.replace(/weight$/, names.zeros), file);
  if (zeros?.dtype === "I8" && packed) check(zeros, ["I8"], [N, groups]);
  else if (zeros) check(zeros, ["I32"], packed ? [Math.ceil(N / 8), groups] : [groups, N / 8]);
  const gIdx = part("gIdx");
  if (gIdx) check(gIdx, ["I32"], [C]);
  const byteLength = [words, scales, zeros, gIdx].reduce((sum, t) => sum + (t?.byteLength ?? 0), 0);
  const int4 = { scheme, words, scales, zeros, gIdx, groups, groupSize };
  return { ...words, name, dtype: scheme.name, shape: [N, C], byteLength, int4 };
}

const groupCount = (size: number, C: number): number => (size === -1 ? 1 : Math.ceil(C / size));

function check(
  { file, name: tensor, dtype, shape }: WeightTensor,
  dtypes: readonly string[],
  expected: number[],
): void {
  if (!dtypes.includes(dtype))
    throw new FormatError({
      what: "another dtype than int4 checkpoints have here",
      file,
      tensor,
      got: dtype,
      expected: dtypes,
    });
  if (shape.length === expected.length && shape.every((d, i) => d === expected[i])) return;
  const what = "the shape is not what config.json says";
  throw new FormatError({ what, file, tensor, got: shape, expected });
}

function lacks(tensor: string, file: string): FormatError {
  return new FormatError(
    { what: "the checkpoint lacks this tensor", file, tensor, expected: "it beside the int4 words" },
    "missing_tensor",
  );
}
