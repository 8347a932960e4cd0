import type { PhiConfig } from "../../model/config.ts";
import type { WeightSpec } from "../../model/weights.ts";

/** The rows of a weight that a module of the model computes. */
export interface Target {
  readonly spec: WeightSpec;
  readonly row: number;
  readonly rows: number;
}

/** Matrices of some architectures that others have in parts, which adapters may have been trained on: what these are called, and their rows. */
const SPLITS: Readonly<Record<string, (c: PhiConfig) => readonly (readonly [name: string, rows: number])[]>> = {
  qkv_proj: ({ heads: H, kvHeads: K, headDim: dh }) => [
    ["q_proj", H * dh],
    ["k_proj", K * dh],
    ["v_proj", K * dh],
  ],
  gate_up_proj: ({ intermediateSize: F }) => [
    ["gate_proj", F],
    ["up_proj", F],
  ],
};

/**
 * The linear layers that an adapter may change, by the names of their modules: those of the architecture, whole ("…self_attn.qkv_proj") and in parts
 * ("…self_attn.q_proj", "…experts.3.w1"), however the checkpoint has them.
 */
export function targetsOf(config: PhiConfig, specs: readonly WeightSpec[]): ReadonlyMap<string, Target> {
  const targets = new Map<string, Target>();
  for (const spec of specs) {
    if (spec.vector) continue;
    if (spec.place === "embed" && !config.tiedEmbeddings) continue;
    const whole = typeof spec.place === "number" ? moduleOf(spec.name) : "lm_head";
    targets.set(whole, { spec, row: 0, rows: spec.rows });
    if (typeof spec.place !== "number") continue;
    const at = whole.lastIndexOf(".") + 1;
    const split = SPLITS[whole.slice(at)]?.(config).map(([name, rows]) => ({ name: whole.slice(0, at) + name, rows }));
    for (const parts of [split, spec.parts?.map(({ name, rows }) => ({ name: moduleOf(name), rows }))]) {
      let row = 0;
      for (const { name, rows } of parts ?? []) {
        if (row + rows <= spec.rows) targets.set(name, { spec, row, rows });
        row += rows;
      }
    }
  }
  return targets;
}

const moduleOf = (tensor: string): string => tensor.replace(/\.weight$/, "");
