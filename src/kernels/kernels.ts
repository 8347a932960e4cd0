import type { Int4Layout } from "../quant/int4/index.ts";
import type { PackedMatrix } from "../quant/packed-matrix.ts";
import type { Arena } from "../tensor/arena.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LowRank } from "./low-rank.ts";

/**
 * The contract: one signature per operation, outputs first, then inputs, weights and constants. `reference/` holds the definition of
 * each (plain loops, float64 sums), `wasm/` its SIMD twin under the same file name. All operands of a call lie in one arena.
 *
 * Letters: T new tokens, S cached + new tokens, D hidden size, H query heads, K key/value heads, dh head dim, R rotary dims (R ≤ dh, even),
 * F ffn size, V vocabulary, N outputs and C inputs of a linear layer, G = ceil(C / 32) groups, B tokens of a KV block.
 * Tensors are f32 unless a dtype is named.
 */
export interface Operations {
  // ── rows in, rows out ────────────────────────────────────────────────────────────────────────
  /** out[T, D] = rows `ids` (i32 [T]) of table [V, D], as float32. */
  embed(out: Tensor, ids: Tensor, table: PackedMatrix): void;
  /** out[T, D] = x / sqrt(mean(x²) + eps) · weight[D]. */
  rmsnorm(out: Tensor, x: Tensor, weight: Tensor, eps: number): void;
  /** out[T, D] = (x - mean(x)) / sqrt(var(x) + eps) · weight[D] + bias[D]; var is the biased variance. */
  layernorm(out: Tensor, x: Tensor, weight: Tensor, bias: Tensor, eps: number): void;
  /**
   * Each row of x [T, C] to int8 groups of 32 with an f32 scale; see {@link Int8Rows}. `reader`: the only matrix that they are for, if it is known;
   * `pairs` that it does not read may stay as they are.
   */
  quantizeActivations(out: Int8Rows, x: Tensor, reader?: PackedMatrix): void;
  /** out[T, N] = x · Wᵀ, with x as float32 [T, C] (any format of W), or as int8 rows (any format but f32). */
  linear(out: Tensor, x: Tensor | Int8Rows, weight: PackedMatrix): void;
  /** The columns row … row + n - 1 of out [T, N] += scale · u[T, at … at + r - 1] · Bᵀ, with B [n, r] ({@link LowRank}). */
  addLowRank(out: Tensor, row: number, u: Tensor, at: number, b: LowRank, scale: number): void;

  // ── attention ────────────────────────────────────────────────────────────────────────────────
  /**
   * In place: rotates the first R dims (half-split) of the first `heads` heads of x [T, heads + others, dh]
   * by the angles whose cos and sin are [T, R/2].
   */
  rope(x: Tensor, heads: number, cos: Tensor, sin: Tensor): void;
  /** Writes keys and values of qkv [T, H + 2K, dh] into the cache, in its format, at positions `start` … `start + T - 1`. */
  storeKV(cache: KVLayer, qkv: Tensor, start: number): void;
  /**
   * out[T, H, dh] = softmax(q · kᵀ · scale) · v of the queries in qkv [T, H + 2K, dh] at positions `start` …, causal; query i sees keys j
   * with i - j < window (window 0: all), and of those only the ones that its head sees by `pattern` where one is given. The cache already holds
   * the keys and values up to position start + T - 1.
   */
  attention(
    out: Tensor,
    qkv: Tensor,
    cache: KVLayer,
    start: number,
    window: number,
    scale: number,
    pattern?: BlockPattern,
  ): void;
  /** out[T, N] = softmax along the rows of x [T, N]. */
  softmax(out: Tensor, x: Tensor): void;

  // ── element by element ───────────────────────────────────────────────────────────────────────
  /** out = a + b, any equal shapes; out may be a or b. */
  add(out: Tensor, a: Tensor, b: Tensor): void;
  /** out[T, N] = x[T, N] + bias[N]; out may be x. */
  addBias(out: Tensor, x: Tensor, bias: Tensor): void;
  /** out[T, C] = x[T, order[C]], columns in another order (i32 [C]); out is not x. */
  permute(out: Tensor, x: Tensor, order: Tensor): void;
  /** out[ids[i]] += weights[i] · x[i], row by row: out [T, D], ids i32 [n], x [n, D], weights [n]. An id may come several times. */
  addRows(out: Tensor, ids: Tensor, x: Tensor, weights: Tensor): void;
  /** out[T, F] = silu(gate) · up, of gateUp [T, 2F] = [gate; up]. */
  swiglu(out: Tensor, gateUp: Tensor): void;
  /**
   * out[T, F] = g · sigmoid(1.702 g) · (u + 1), g = min(gate, limit) and u = min(max(up, -limit), limit), of x [T, 2F] in which gate and up alternate:
   * gate 0, up 0, gate 1 …; limit ∞: as they come. Infinities are never clamped.
   */
  geglu(out: Tensor, x: Tensor, limit: number): void;
  /** out = gelu(x): `tanh` is the approximation of HF's gelu_new, `erf` the exact one. out may be x. */
  gelu(out: Tensor, x: Tensor, form: "tanh" | "erf"): void;

  // ── choosing ─────────────────────────────────────────────────────────────────────────────────
  /** out (i32 [T]) = index of the greatest of each row of x [T, V]; the lowest index among equals. NaN is never greatest. */
  argmax(out: Tensor, x: Tensor): void;
  /** The k greatest of each row of x [T, V], descending, lower index first among equals: ids (i32 [T, k]), values [T, k]. */
  topk(ids: Tensor, values: Tensor, x: Tensor): void;

  // ── weights ──────────────────────────────────────────────────────────────────────────────────
  /**
   * Rows `row` … of the matrix from src [n, C] of dtype f32, f16 or bf16: copied or converted for an f32 matrix, quantized for q8 and q4
   * (scales searched for the least squared error). `row` is a multiple of 8; n too, unless these are the last rows.
   */
  packRows(matrix: PackedMatrix, row: number, src: Tensor): void;
  /**
   * The same from rows of plain blocks (u8 [n, G · block bytes]) of ggml's Q4_0 (into q4) or Q8_0 (into q8), without loss.
   * @returns true if every scale was found to be finite; false where one is not, or nobody has looked (`findNonFinite` does)
   */
  repackRows(matrix: PackedMatrix, row: number, src: Tensor): boolean;
  /**
   * The nibbles of a q4 or q4z matrix, without loss, from n rows, from row `at` on, of the tensor of words (i32) that an int4 checkpoint has: inputs
   * by eights (gptq), inputs (awq, by eights), or outputs (pack-quantized, by eights but for the last ones). Input i becomes input places[i]
   * (i32 [C]) where that is given, which AWQ does without. Scales and zero points are `writeScales`' (src/quant/int4/scales.ts).
   */
  repackInt4(matrix: PackedMatrix, layout: Int4Layout, at: number, src: Tensor, places?: Tensor): void;
  /** out[n, C] = rows `row` … `row + n - 1` of the matrix, as float32. */
  unpackRows(out: Tensor, matrix: PackedMatrix, row: number): void;
}

/** Operations that the decoder of phi3 does not call; who has no rest.ts has none of them. */
export type RestOperations = Pick<
  Operations,
  | "layernorm"
  | "addLowRank"
  | "softmax"
  | "addBias"
  | "permute"
  | "addRows"
  | "geglu"
  | "gelu"
  | "argmax"
  | "topk"
  | "repackRows"
  | "repackInt4"
  | "unpackRows"
>;
/** The others. */
export type CoreOperations = Omit<Operations, keyof RestOperations>;

/** The operations bound to one arena, with operands checked. */
export interface Kernels extends Operations {
  readonly kind: KernelKind;
  readonly arena: Arena;
}

/** The builds of the WASM module, all of the same sources and with the same bits. `strict`: SIMD without relaxed instructions. */
export type WasmBuild = "relaxed" | "strict";

/** `reference`: plain TypeScript; otherwise a WASM build. */
export type KernelKind = "reference" | WasmBuild;

/**
 * Activations as int8: x[t, c] ≈ q[t, c] · scale[t, c / 32], groups of 32 along C, the tail of the last group zero.
 * scale = max|x| / 127 of the group, q = round to nearest even of x / scale, in -127 … 127.
 *
 * Tokens lie by fours, group by group, as a register tile reads them: token 4 i + j's group g is number 4 (i G + g) + j. The last
 * T mod 4 tokens are single: token t's group g is number t G + g. {@link groupAt} computes both; they depend on T.
 */
export interface Int8Rows {
  /** Tokens T and true columns C of the rows that it holds now. */
  readonly rows: number;
  readonly cols: number;
  /** i8 [T, 32 G] */
  readonly q: Tensor;
  /** f32 [T, G] */
  readonly scale: Tensor;
  /**
   * i16 [T, 4 G]: what the offset of q4's nibbles comes to, -8 times the sum of the group's q, in two halves: of the inputs 0 and 1 mod 4,
   * and of the inputs 2 and 3 mod 4; then the sum of the first 16 q, and of the last 16.
   */
  readonly offset: Tensor;
  /**
   * i16 [T, 32 G]: q once more, as the i16 dot product of strict SIMD reads them. Of one of four tokens, each 8 neighbours are in the order
   * 0 2 1 3 4 6 5 7. Of a single token they are a0, a2, a4 - 16 a0, a6 - 16 a2, a1 - 16 a4, a3 - 16 a6, a5 - 16 a1, a7 - 16 a3, which
   * saves its kernel masks (wasm/gemv.ts).
   */
  readonly pairs: Tensor;
}

/** Tokens that one block of the KV cache holds. The sums of attention are cut at its borders, so it is part of the bits. */
export const KV_BLOCK = 32;

/** How the cache holds keys and values: as they come, or as int8 with an f32 scale for each position and head. */
export type KVFormat = "f32" | "int8";

/**
 * Block-sparse attention: which blocks of `size` keys each query head sees. Query i stands in block ⌊i / size⌋, and of the blocks b up to that one
 * head h sees
 *
 *     the local ones        ⌊i / size⌋ - b < local                its own and those just before it
 *     every stride-th one   (b + 1 + h · step) mod stride = 0     stripes, which move by `step` from head to head (0: all heads alike)
 *
 * Source: the mask of triton_flash_blocksparse_attn.py in microsoft/Phi-3-small-8k-instruct (_get_sparse_attn_mask).
 */
export interface BlockPattern {
  /** A multiple of {@link KV_BLOCK}, so that a block of the cache is seen as a whole or not at all. */
  readonly size: number;
  /** At least 1. */
  readonly local: number;
  /** 1: every block is seen. */
  readonly stride: number;
  readonly step: number;
}

/**
 * The keys and values of one layer for one sequence: two pools of blocks and the numbers of the blocks that are the sequence's.
 * kv-layer.ts draws how they lie, and makes one.
 */
export interface KVLayer {
  /** f32 [K, blocks, B, dh], or i8 [K, blocks, B / 8, dh8 / 2, 8, 2]; dh8 is dh rounded up to a multiple of 8. */
  readonly k: Tensor;
  /** f32 [K, blocks, B, dh], or i8 [K, blocks, dh8 / 8, B / 2, 8, 2] */
  readonly v: Tensor;
  /** Of i8 keys and values: f32 [K, blocks, B] each. */
  readonly scales?: { readonly k: Tensor; readonly v: Tensor };
  /** i32 [≥ ceil(S / B)]: position p lies in block table[floor(p / B)], at p mod B. */
  readonly table: Tensor;
}
