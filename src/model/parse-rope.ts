import { ConfigError } from "../errors.ts";
import { attempt, type Tell, throwIt } from "../faults.ts";
import { log } from "../math/index.ts";
import type { LongRope, PhiConfig } from "./config.ts";

type Json = Record<string, unknown>;

/** How an architecture's rotary keys are read: defaults of HF's config class. */
export interface RopeKeys {
  theta: number;
  partial: number;
  /** LongRoPE's scales are `short_mscale` and `long_mscale`: "stated" must be there (HF PhimoeConfig), of "own" the one that is missing is computed (phi3small). */
  scales?: "stated" | "own";
}

/** HF Phi3Config's. */
const DEFAULT_ORIGINAL_CONTEXT = 4096;

/** Keys of a rope dictionary that are understood. Others would change the angles. */
const KNOWN = [
  ...["type", "rope_type", "rope_theta", "partial_rotary_factor", "short_factor", "long_factor"],
  ...["original_max_position_embeddings", "attention_factor", "factor"],
];

interface Sizes {
  /** dh */
  headDim: number;
  contextLength: number;
}

/** The scales of phimoe and phi3small. */
const SCALES = ["short_mscale", "long_mscale"];

/**
 * The rotary part of a config: `rope_parameters` (transformers 5), or `rope_theta`, `partial_rotary_factor` and `rope_scaling` (before).
 * "su", the first name of LongRoPE in Phi-3's configs, and "yarn" where it carries LongRoPE's factor lists, mean LongRoPE, as HF Phi3Config reads them.
 * Where a config says a thing twice it counts as it does there: `rope_scaling` before `rope_parameters`, `original_max_position_embeddings` at the
 * top before the one inside.
 * @param tell of unknown keys and of lists of another length than R / 2
 * @throws ConfigError for another kind of scaling
 */
export function parseRope(
  raw: Json,
  { headDim, contextLength, theta, partial: defaultPartial, scales }: Sizes & RopeKeys,
  file: string,
  tell: Tell = throwIt,
): Pick<PhiConfig, "rotaryDim" | "ropeTheta" | "longrope"> {
  const newer = asObject(raw.rope_parameters, "rope_parameters", file);
  const older = asObject(raw.rope_scaling, "rope_scaling", file);
  const rope: Json = (older && Object.keys(older).length > 0 ? older : newer) ?? {};
  const type = rope.rope_type ?? rope.type ?? "default";
  const lists = Array.isArray(rope.short_factor) && Array.isArray(rope.long_factor);
  // By its name first: the keys of the others (llama3's bands, yarn's betas …) say less.
  if (type !== "default" && type !== "longrope" && !((type === "su" || type === "yarn") && lists)) {
    throw new ConfigError({
      what: "this kind of rope scaling is not built",
      file,
      got: type,
      expected: "default or longrope",
    });
  }
  for (const key of Object.keys(rope)) {
    if (!KNOWN.includes(key) && !(scales && SCALES.includes(key))) {
      tell(new ConfigError({ what: `rope: "${key}" asks for something that is not built`, file, got: rope[key] }));
    }
  }
  const stated = rope.partial_rotary_factor ?? raw.partial_rotary_factor ?? defaultPartial;
  const partial = number(stated, "partial_rotary_factor", file);
  const ropeTheta = number(rope.rope_theta ?? raw.rope_theta ?? theta, "rope_theta", file);
  // HF: int(head_dim * partial_rotary_factor)
  const rotaryDim = Math.trunc(headDim * partial);
  if (!(partial <= 1 && rotaryDim > 0 && rotaryDim % 2 === 0)) {
    throw new ConfigError({
      what: "rotary dimensions of a head",
      file,
      got: rotaryDim,
      expected: `an even number up to ${headDim}`,
    });
  }
  if (type === "default") {
    if (rope.short_factor !== undefined || rope.long_factor !== undefined) {
      throw new ConfigError({
        what: "rope: factor lists without a type",
        file,
        got: rope,
        expected: 'type "longrope"',
      });
    }
    return { rotaryDim, ropeTheta };
  }
  const originalContext =
    raw.original_max_position_embeddings ?? rope.original_max_position_embeddings ?? DEFAULT_ORIGINAL_CONTEXT;
  if (!(Number.isSafeInteger(originalContext) && (originalContext as number) > 1)) {
    throw new ConfigError({
      what: '"original_max_position_embeddings"',
      file,
      got: originalContext,
      expected: "an integer above 1",
    });
  }
  return {
    rotaryDim,
    ropeTheta,
    longrope: {
      shortFactor: attempt(tell, () => factors(rope.short_factor, "short_factor", rotaryDim / 2, file)) ?? [],
      longFactor: attempt(tell, () => factors(rope.long_factor, "long_factor", rotaryDim / 2, file)) ?? [],
      originalContext: originalContext as number,
      attentionFactor: attentionFactors(rope, scales, contextLength, originalContext as number, file),
    },
  };
}

/** For each set of factors what cos and sin are multiplied by. */
function attentionFactors(
  rope: Json,
  scales: RopeKeys["scales"],
  contextLength: number,
  originalContext: number,
  file: string,
): LongRope["attentionFactor"] {
  const stated = (key: string) => number(rope[key], key, file);
  if (scales === "stated") return { short: stated("short_mscale"), long: stated("long_mscale") };
  const computed = attentionFactor(rope, contextLength, originalContext, file);
  if (scales !== "own") return { short: computed, long: computed };
  // Of microsoft/Phi-3-small-128k-instruct: what is not above 0 is not stated (LongRopeConfig in positional_embedding.py).
  const isStated = (key: string) => rope[key] != null && !((rope[key] as number) <= 0);
  return {
    short: isStated("short_mscale") ? stated("short_mscale") : 1,
    long: isStated("long_mscale") ? stated("long_mscale") : computed,
  };
}

/** As HF _compute_longrope_parameters (modeling_rope_utils) has it; LongRoPE paper (arXiv 2402.13753), section 3. */
function attentionFactor(rope: Json, contextLength: number, originalContext: number, file: string): number {
  if (rope.attention_factor != null) return number(rope.attention_factor, "attention_factor", file);
  const scale = rope.factor != null ? number(rope.factor, "factor", file) : contextLength / originalContext;
  return scale <= 1 ? 1 : Math.sqrt(1 + log(scale) / log(originalContext));
}

function asObject(value: unknown, key: string, file: string): Json | undefined {
  if (value == null) return undefined;
  if (typeof value === "object" && !Array.isArray(value)) return value as Json;
  throw new ConfigError({ what: `"${key}"`, file, got: value, expected: "an object" });
}

function number(value: unknown, key: string, file: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new ConfigError({ what: `"${key}"`, file, got: value, expected: "a positive number" });
}

function factors(value: unknown, key: string, length: number, file: string): number[] {
  const fits = Array.isArray(value) && value.length === length;
  if (fits && value.every((f) => typeof f === "number" && Number.isFinite(f) && f > 0)) return value;
  throw new ConfigError({ what: `rope: "${key}"`, file, got: value, expected: `${length} positive numbers` });
}
