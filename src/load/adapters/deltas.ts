import { FormatError } from "../../errors.ts";
import type { PhiConfig } from "../../model/config.ts";
import type { WeightSpec } from "../../model/weights.ts";
import type { WeightTensor } from "../weight-files.ts";
import { type LoraConfig, rankOf, scaleOf } from "./config.ts";
import { targetsOf } from "./targets.ts";

/** The two factors of one module: A [r, C] and B [n, r]. */
export interface Factors {
  readonly a: WeightTensor;
  readonly b: WeightTensor;
}

/** What an adapter adds to a weight [N, C]. */
export interface DeltaPlan {
  /** R: ranks of all parts. */
  readonly rank: number;
  readonly parts: readonly PartPlan[];
}

/** What it adds to the rows `row` … row + n - 1 of it: scale · B A. */
export interface PartPlan extends Factors {
  readonly row: number;
  /** Its A begins at this row of the parts' A together. */
  readonly at: number;
  readonly scale: number;
}

/**
 * What an adapter adds to each weight, by the weight's name; parts of one in the order of their rows.
 * @throws FormatError (code "adapter") for modules that are no linear layers of the model, and for factors of other sizes than the model or the adapter's
 * configuration says
 */
export function deltasOf(
  config: LoraConfig,
  factors: ReadonlyMap<string, Factors>,
  model: PhiConfig,
  specs: readonly WeightSpec[],
): Map<string, DeltaPlan> {
  const targets = targetsOf(model, specs);
  const parts = new Map<string, Omit<PartPlan, "at">[]>();
  for (const [module, { a, b }] of factors) {
    const target = targets.get(module);
    if (!target) {
      const { file, name: tensor } = a;
      const what = "an adapter for a module that is no linear layer of this model";
      throw new FormatError({ what, file, tensor, got: module, expected: kinds(targets) }, "adapter");
    }
    const { spec, row, rows } = target;
    const rank = rankOf(config, module);
    const sizes = [
      [a, [rank, spec.cols]],
      [b, [rows, rank]],
    ] as const;
    for (const [{ file, name: tensor, shape }, expected] of sizes) {
      if (shape[0] === expected[0] && shape[1] === expected[1]) continue;
      const what = `another shape than the model and ${config.file} say`;
      throw new FormatError({ what, file, tensor, got: shape, expected }, "adapter");
    }
    parts.set(spec.name, [...(parts.get(spec.name) ?? []), { a, b, row, scale: scaleOf(config, module) }]);
  }
  return new Map([...parts].map(([weight, list]) => [weight, stacked(list)]));
}

function stacked(list: readonly Omit<PartPlan, "at">[]): DeltaPlan {
  const parts: PartPlan[] = [];
  let rank = 0;
  for (const part of [...list].sort((p, q) => p.row - q.row)) {
    parts.push({ ...part, at: rank });
    rank += part.a.shape[0];
  }
  return { rank, parts };
}

/** The modules that there are, without the numbers of layers and experts. */
const kinds = (targets: ReadonlyMap<string, unknown>): string[] => [
  ...new Set([...targets.keys()].map((name) => name.replace(/^model\.layers\.\d+\./, "").replace(/\.\d+\./, ".N."))),
];
