/** What config.json says of LongRoPE. */
export interface LongRopeConfig {
  /** rope_theta */
  theta: number;
  /** Numbers of a head that turn. */
  R: number;
  /** short_factor and long_factor: R / 2 numbers each. */
  shortFactor: readonly number[];
  longFactor: readonly number[];
  /** original_max_position_embeddings: the length that the model was trained for before it was stretched. */
  originalContext: number;
  /** max_position_embeddings */
  contextLength: number;
  /** short_mscale and long_mscale, which Phi-3.5-MoE states; the others do not. */
  mscale?: { short: number; long: number };
}

/**
 * How the planes of a head turn in a sequence of `length` tokens: plane i by frequencies[i] radians a position, with cos and sin multiplied by `scale`.
 *
 *     frequencies[i] = 1 / (factor[i] · theta^(2i / R))
 *
 * The factors are the short ones as long as the sequence has at most originalContext tokens, and the long ones above that, for all of its
 * tokens. The scale is the stated one of that set; where none is stated, for both sets
 *
 *     sqrt(1 + ln(contextLength / originalContext) / ln(originalContext)), and 1 where contextLength is not greater
 */
export function longRope(config: LongRopeConfig, length: number): { frequencies: number[]; scale: number } {
  void length;
  // This is RoPE without a stretch: chapter 3's.
  const frequencies = config.shortFactor.map((_, i) => config.theta ** ((-2 * i) / config.R));
  return { frequencies, scale: 1 };
}
