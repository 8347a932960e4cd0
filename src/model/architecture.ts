import type { Tell } from "../faults.ts";
import type { Kernels, KVLayer } from "../kernels/kernels.ts";
import type { KernelRest } from "../kernels/wasm-module.ts";
import type { DType } from "../tensor/dtype.ts";
import type { PhiConfig } from "./config.ts";
import type { Json } from "./config-keys.ts";
import type { Scratch } from "./scratch.ts";
import type { WeightSpec } from "./weights.ts";

/**
 * One HF model_type: what the decoder, the loader and the planner ask of it. Each has a file of its name beside this one, always in the same
 * order (config, weights, buffers, layer), and a line in architectures.ts; nothing else names one.
 */
export interface Architecture {
  /** model_type of Hugging Face, and of {@link PhiConfig}. */
  readonly modelType: string;
  /** The published models that it is the decoder of, for people. */
  readonly models: string;
  /** Other model_types that checkpoints of it are published under. */
  readonly aliases?: readonly string[];
  /** What config.json may have under "architectures". */
  readonly classes: readonly string[];
  /** Reads config.json. @param tell of mathematics that is not built, and of sizes that do not fit (ConfigError) @throws the same */
  config(raw: Json, file: string, tell?: Tell): PhiConfig;
  /** The weights that a checkpoint must hold, by their published names. */
  weights(config: PhiConfig): WeightSpec[];
  /** Tensors in a checkpoint's layers that text does not need, and which are left alone. */
  readonly unused?: (tensor: string) => boolean;
  /** What a layer needs besides the buffers that all have ({@link Scratch}). */
  buffers(config: PhiConfig): Buffers;
  /** The kernels that its layer calls and that of phi3 does not. */
  readonly kernels?: KernelRest;
  /**
   * One decoder layer: the residual stream s.x [T, D] before it becomes that after it.
   * @param weights by the slots of `weights`
   * @param start position of the first of the T tokens
   * @param layer its number, from 0
   */
  layer(k: Kernels, c: PhiConfig, weights: object, s: Scratch, kv: KVLayer, start: number, layer: number): void;
}

/** Buffers of T tokens each, by name: f32 [T, width], or [T, width] of the dtype that is given. */
export type Buffers<Name extends string = string> = Readonly<Record<Name, number | readonly [DType, number]>>;
