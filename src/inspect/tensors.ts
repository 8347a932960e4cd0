import { packedFormat } from "../load/formats.ts";
import { formatOf, type PlanInput } from "../load/plan.ts";
import type { WeightFiles } from "../load/weight-files.ts";
import type { WeightSpec } from "../model/weights.ts";
import { packedBytes, type WeightFormat } from "../quant/packed-matrix.ts";

/** Tensors of one kind that have one format in the file and one in memory. */
export interface TensorClass {
  /** "embedding", "attention", "experts" …; "tensors" where it is not known what they are. */
  class: string;
  /** Format in the file, as the container or the scheme calls it: "BF16", "Q4_K", "GPTQ", "q4" of a packed file; of parts of one matrix "Q4_K + Q6_K". */
  file: string;
  /** Format in memory; absent where nothing can be loaded. */
  memory?: WeightFormat;
  /** Tensors in the file. */
  tensors: number;
  parameters: number;
  fileBytes: number;
  memoryBytes?: number;
}

const ORDER = ["embedding", "attention", "feed-forward", "experts", "router", "norms", "biases", "output layer"];

function classOf({ vector, place, name, slot }: WeightSpec): string {
  if (vector) return name.includes("norm") ? "norms" : "biases";
  if (slot === "router") return "router";
  if (typeof place !== "number") return place === "embed" ? "embedding" : "output layer";
  if (slot.startsWith("experts.")) return "experts";
  return name.includes("attn") ? "attention" : "feed-forward";
}

/**
 * What the weights of a model are in the files, and what they would be in memory.
 * @param files by the names of `specs`; those that are not there are left out
 * @param formats of the plan; absent where there is none
 */
export function tensorClasses(
  files: WeightFiles,
  opened: WeightFiles,
  specs: readonly WeightSpec[],
  formats?: Pick<PlanInput, "format" | "embedding" | "formats">,
): TensorClass[] {
  const rows = new Map<string, TensorClass>();
  for (const spec of specs) {
    const info = files.tensors.get(spec.name);
    if (!info) continue;
    const whole = opened.tensors.get(spec.name);
    const parts = whole ? [] : (spec.parts ?? []).flatMap(({ name }) => opened.tensors.get(name) ?? []);
    const dtypes = new Set(parts.length > 0 && !("int4" in info) ? parts.map((part) => part.dtype) : [info.dtype]);
    const memory = formats && formatOf(spec, formats);
    add(rows, {
      class: classOf(spec),
      file: packedFormat(info) ?? [...dtypes].join(" + "),
      ...(memory && { memory, memoryBytes: packedBytes(memory, spec.rows, spec.cols) }),
      tensors: Math.max(1, parts.length),
      parameters: spec.rows * spec.cols,
      fileBytes: info.byteLength,
    });
  }
  return [...rows.values()].sort((a, b) => ORDER.indexOf(a.class) - ORDER.indexOf(b.class));
}

/** The same of a container whose model is not known: by dtype. */
export function tensorDtypes({ tensors }: WeightFiles): TensorClass[] {
  const rows = new Map<string, TensorClass>();
  for (const { dtype, shape, byteLength } of tensors.values()) {
    const parameters = shape.reduce((n, d) => n * d, 1);
    add(rows, { class: "tensors", file: dtype, tensors: 1, parameters, fileBytes: byteLength });
  }
  return [...rows.values()].sort((a, b) => b.fileBytes - a.fileBytes);
}

function add(rows: Map<string, TensorClass>, one: TensorClass): void {
  const key = `${one.class} ${one.file} ${one.memory}`;
  const row = rows.get(key);
  if (!row) {
    rows.set(key, one);
    return;
  }
  row.tensors += one.tensors;
  row.parameters += one.parameters;
  row.fileBytes += one.fileBytes;
  if (row.memoryBytes !== undefined) row.memoryBytes += one.memoryBytes ?? 0;
}
