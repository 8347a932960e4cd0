/**
 * RoPE tables (Su et al., arXiv 2104.09864), with LongRoPE's factors. Letters: T tokens, R rotary dims.
 *
 * The reference (HF Phi3RotaryEmbedding) forms every angle in float32, so each step here is rounded to float32 where it is there; cos and
 * sin are taken of the rounded angle in float64 and rounded once.
 */
import { ConfigError, OptionError } from "../errors.ts";
import { cos, MAX_ANGLE, pow, sin } from "../math/index.ts";
import type { PhiConfig } from "./config.ts";
import type { RopeRegime } from "./decoder.ts";

const f32 = Math.fround;

/** Inverse frequencies, f32 [R/2]: 1 / (factor_i · theta^(2i / R)), the factors being 1 without LongRoPE. */
export function inverseFrequencies(config: PhiConfig, regime: RopeRegime): Float32Array {
  const half = config.rotaryDim / 2;
  const factors = regime === "long" ? config.longrope?.longFactor : config.longrope?.shortFactor;
  const out = new Float32Array(half);
  for (let i = 0; i < half; i++) {
    const power = f32(pow(config.ropeTheta, f32((2 * i) / config.rotaryDim)));
    out[i] = 1 / (factors ? f32(f32(factors[i]) * power) : power);
  }
  return out;
}

/**
 * Refuses frequencies by which the last of `contextSize` positions would turn further than cos and sin reach (2^20 radians; published
 * configs turn by at most one radian a position), or that are no numbers.
 * @throws ConfigError
 */
export function checkAngles(config: PhiConfig, contextSize: number): void {
  for (const regime of ["short", "long"] as const) {
    const greatest = inverseFrequencies(config, regime).reduce((most, f) => Math.max(most, f), 0);
    if (greatest * contextSize <= MAX_ANGLE) continue;
    throw new ConfigError({
      what: `rope: rope_theta ${config.ropeTheta} and the ${regime} factors turn a position too far`,
      file: "config.json",
      got: `${greatest} radians, over ${contextSize} positions`,
      expected: `at most ${MAX_ANGLE} radians in all`,
    });
  }
}

/**
 * Writes cos and sin, f32 [T, R/2] each, of the positions start … start + T - 1, times the attention factor.
 * @param frequencies f32 [R/2] of {@link inverseFrequencies}
 */
export function fillRope(
  cosOut: Float32Array,
  sinOut: Float32Array,
  frequencies: Float32Array,
  start: number,
  T: number,
  attentionFactor: number,
): void {
  const half = frequencies.length;
  const factor = f32(attentionFactor);
  for (let t = 0; t < T; t++) {
    for (let i = 0; i < half; i++) {
      const angle = f32(frequencies[i] * (start + t));
      cosOut[t * half + i] = f32(cos(angle)) * factor;
      sinOut[t * half + i] = f32(sin(angle)) * factor;
    }
  }
}

/**
 * The regime of a forward pass whose sequence is `length` tokens long at its end: HF takes the long factors as soon as max(position) + 1
 * exceeds original_max_position_embeddings, for all positions of the pass. What becomes of keys that were cached in the other regime:
 * `#adopt` in generate/row.ts.
 */
export function ropeRegime(config: PhiConfig, length: number): RopeRegime {
  const { longrope } = config;
  return longrope && (longrope.longFromStart || length > longrope.originalContext) ? "long" : "short";
}

/**
 * The config of a model that is loaded with the option `rope`.
 * @throws OptionError for "long" where the model has no long factors
 */
export function withRope(config: PhiConfig, rope: "auto" | "long" = "auto"): PhiConfig {
  const { longrope } = config;
  if (rope === "auto") return config;
  if (longrope) return { ...config, longrope: { ...longrope, longFromStart: true } };
  throw new OptionError({
    what: 'loadPhi: option "rope"',
    got: rope,
    expected: '"auto", since this model has no LongRoPE',
  });
}
