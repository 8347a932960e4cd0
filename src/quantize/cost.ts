import type { PhiConfig } from "../model/config.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import { PASSES } from "./matrix.ts";

/**
 * What the parts of a job cost, in nanoseconds of one core as measured on phi-tiny and on layers of Phi-4-mini's size: for the bar of
 * progress only, which corrects itself by the time that passes.
 */
const DECODE = 0.04; // per weight and token, eight tokens at a time
const FORWARD = 0.03; // per weight and token, in chunks
const PRODUCT = 0.07; // per float32 product
const ROUND = 440; // per weight: search, feedback within a panel, passes

/** Weights that one token goes through. */
const sizeOf = (specs: readonly WeightSpec[]): number =>
  specs.reduce((sum, s) => sum + (isFloat(s) ? 0 : s.rows * s.cols * (s.use ?? 1)), 0);

/** One token that the model writes. */
export const writeCost = (specs: readonly WeightSpec[]): number => DECODE * sizeOf(specs);

/** One token through one layer. */
export const forwardCost = (layer: readonly WeightSpec[]): number => FORWARD * sizeOf(layer);

/** One token into the moments of inputs of C elements. */
export const momentCost = (C: number): number => (PRODUCT * C * C) / 2;

export const factorCost = (C: number): number => (PRODUCT * C ** 3) / 6;

/** One row of C weights. */
export const solveCost = (C: number, passes: number): number => PRODUCT * C * C * (0.5 + passes) + ROUND * C;

/** A matrix from the moments of its inputs, those of a job's tokens that it sees, to its packed bytes. */
export const matrixCost = ({ rows, cols, use = 1 }: WeightSpec, tokens: number): number =>
  momentCost(cols) * tokens * use + factorCost(cols) + rows * solveCost(cols, PASSES);

/** All matrices of a layer. @param passes runs of the layer that collect moments */
export const layerCost = (layer: readonly WeightSpec[], tokens: number, passes: number): number =>
  layer.filter((s) => !isFloat(s)).reduce((sum, s) => sum + matrixCost(s, tokens), 0) +
  passes * forwardCost(layer) * tokens;

/** Packing one weight as loading does. */
export const PACK = 3;

export const layerSpecs = (specs: readonly WeightSpec[], config: PhiConfig): WeightSpec[][] =>
  Array.from({ length: config.layers }, (_, i) => specs.filter((s) => s.place === i));
