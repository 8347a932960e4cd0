import type { LongRopeConfig } from "./stub.ts";

/** How the planes of a head turn in a sequence of `length` tokens: see the stub. */
export function longRope(config: LongRopeConfig, length: number): { frequencies: number[]; scale: number } {
  const { theta, R, originalContext, contextLength, mscale } = config;
  const long = length > originalContext;
  const factors = long ? config.longFactor : config.shortFactor;
  const frequencies = factors.map((factor, i) => 1 / (factor * theta ** ((2 * i) / R)));
  if (mscale) return { frequencies, scale: long ? mscale.long : mscale.short };
  const stretch = contextLength / originalContext;
  return { frequencies, scale: stretch > 1 ? Math.sqrt(1 + Math.log(stretch) / Math.log(originalContext)) : 1 };
}
