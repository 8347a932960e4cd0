/** A type of tensors: `block` neighbours along the innermost axis share `bytes` bytes. */
export interface BlockType {
  readonly block: number;
  readonly bytes: number;
}

const of = (block: number, bytes: number): BlockType => ({ block, bytes });

/** Every type of tensors that ggml has, so that a file can be listed whatever it holds. Source: ggml_type in ggml.h, block sizes in ggml-common.h. */
export const GGML_TYPES = {
  F32: of(1, 4),
  F16: of(1, 2),
  BF16: of(1, 2),
  F64: of(1, 8),
  I8: of(1, 1),
  I16: of(1, 2),
  I32: of(1, 4),
  I64: of(1, 8),
  Q4_0: of(32, 18),
  Q4_1: of(32, 20),
  Q5_0: of(32, 22),
  Q5_1: of(32, 24),
  Q8_0: of(32, 34),
  Q8_1: of(32, 36),
  Q2_K: of(256, 84),
  Q3_K: of(256, 110),
  Q4_K: of(256, 144),
  Q5_K: of(256, 176),
  Q6_K: of(256, 210),
  Q8_K: of(256, 292),
  IQ1_S: of(256, 50),
  IQ1_M: of(256, 56),
  IQ2_XXS: of(256, 66),
  IQ2_XS: of(256, 74),
  IQ2_S: of(256, 82),
  IQ3_XXS: of(256, 98),
  IQ3_S: of(256, 110),
  IQ4_NL: of(32, 18),
  IQ4_XS: of(256, 136),
  TQ1_0: of(256, 54),
  TQ2_0: of(256, 66),
  MXFP4: of(32, 17),
  NVFP4: of(64, 36),
} as const satisfies Record<string, BlockType>;

/** A type of tensors as ggml names it. */
export type GgmlType = keyof typeof GGML_TYPES;
