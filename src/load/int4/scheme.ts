import { ConfigError } from "../../errors.ts";
import type { Json } from "../../model/config-keys.ts";
import type { Int4Layout } from "../../quant/int4/index.ts";
import { ifThere } from "../../source/index.ts";
import type { Source } from "../../source/source.ts";
import { readConfig } from "../read-config.ts";

/** How the int4 matrices of a checkpoint are stored, as its config says. */
export interface Int4Scheme {
  /** As its tensors are named where dtypes are shown. */
  readonly name: "GPTQ" | "AWQ" | "compressed-tensors";
  readonly layout: Int4Layout;
  /** Inputs that share a scale; -1: all; undefined: as the scales' shape says. */
  readonly groupSize?: number;
  /** All zero points are 8 (those of compressed-tensors 0, which is the same). */
  readonly symmetric: boolean;
  /** Of GPTQ: zero points are stored less 1 (v1). */
  readonly zerosLess: 0 | 1;
  /** Of GPTQ and compressed-tensors: inputs may belong to groups in any order, as a tensor says (act-order). */
  readonly ordered: boolean;
}

const BUILT = "4-bit gptq, awq (version gemm) or compressed-tensors (pack-quantized)";

/** The scheme that a config.json speaks of; undefined if of none. @throws ConfigError for one that is not built */
export function int4SchemeOf(config: unknown): Int4Scheme | undefined {
  const { quantization_config, compression_config, quantization } = config as Json;
  // MLX names no method, and the other key looks like GPTQ's then.
  if (typeof quantization === "object" && quantization !== null && "bits" in quantization)
    throw refused(`MLX, ${String(quantization.bits)} bits`, "config.json");
  const raw = quantization_config ?? compression_config;
  if (raw == null) return undefined;
  if (typeof raw === "object" && !Array.isArray(raw)) return parseInt4(raw as Json, "config.json");
  throw new ConfigError({ what: '"quantization_config"', file: "config.json", got: raw, expected: "an object" });
}

/** Where older tools say it. */
const OLDER = ["quantize_config.json", "quant_config.json"];

/** The scheme of a checkpoint with int4 words whose config.json says nothing of them. @throws ConfigError if nothing else does either */
export async function int4SchemeBeside(source: Source): Promise<Int4Scheme> {
  for (const name of OLDER) {
    const raw = await ifThere(source, name, readConfig);
    if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) return parseInt4(raw as Json, name);
  }
  const facts = {
    file: "config.json",
    got: "tensors of int4 words",
    expected: `"quantization_config", or ${OLDER[0]} beside it`,
  };
  throw new ConfigError({ what: "nothing says how the weights are quantized", ...facts });
}

/**
 * Reads `quantization_config` of a config.json, or a quantize_config.json of older tools.
 * @throws ConfigError for a scheme that is not built, which it names
 */
function parseInt4(raw: Json, file: string): Int4Scheme {
  const method = raw.quant_method ?? ("w_bit" in raw ? "awq" : "bits" in raw ? "gptq" : undefined);
  if (method === "gptq") return gptq(raw, file);
  if (method === "awq") return awq(raw, file);
  if (method === "compressed-tensors") return compressed(raw, file);
  throw refused(named(method, raw), file);
}

function refused(what: string, file: string): ConfigError {
  const expected = `${BUILT}; or the checkpoint before it was quantized`;
  return new ConfigError({ what: `quantization "${what}" is not built`, file, expected });
}

/** A scheme in words: "bitsandbytes nf4". */
function named(method: unknown, raw: Json): string {
  if (method === "bitsandbytes") {
    const kind = raw.load_in_8bit === true || raw._load_in_8bit === true ? "int8" : raw.bnb_4bit_quant_type;
    return `bitsandbytes ${String(kind ?? "")}`.trimEnd();
  }
  return typeof method === "string" ? method : JSON.stringify(method ?? null).slice(0, 80);
}

function gptq(raw: Json, file: string): Int4Scheme {
  const format = raw.checkpoint_format ?? raw.format ?? "gptq";
  if (raw.is_marlin_format === true) throw refused("gptq packed for Marlin", file);
  if (format !== "gptq" && format !== "gptq_v2") throw refused(`gptq in the format ${String(format)}`, file);
  if (raw.pack_dtype != null && raw.pack_dtype !== "int32") throw refused(`gptq in ${String(raw.pack_dtype)}`, file);
  fourBits(raw.bits, "gptq", file);
  const zerosLess = format === "gptq" ? 1 : 0;
  const groupSize = sizeOf(raw.group_size, file);
  const [symmetric, ordered] = [raw.sym === true, raw.desc_act !== false];
  return { name: "GPTQ", layout: "gptq", groupSize, symmetric, zerosLess, ordered };
}

function awq(raw: Json, file: string): Int4Scheme {
  const version = String(raw.version ?? "gemm").toLowerCase();
  if (version !== "gemm") throw refused(`awq, version ${version}`, file);
  fourBits(raw.bits ?? raw.w_bit, "awq", file);
  const groupSize = sizeOf(raw.group_size ?? raw.q_group_size, file);
  return { name: "AWQ", layout: "awq", groupSize, symmetric: false, zerosLess: 0, ordered: false };
}

/** Each of config_groups is a scheme for some modules; all must be int4 of the kind that is built. */
function compressed(raw: Json, file: string): Int4Scheme {
  const groups = Object.values((raw.config_groups ?? {}) as Json) as Json[];
  const weights = groups.map((group) => (group?.weights ?? {}) as Json);
  if (weights.length === 0) throw refused("compressed-tensors without config_groups", file);
  for (const [i, group] of groups.entries()) {
    const { num_bits, type, strategy } = weights[i];
    const format = group?.format ?? raw.format;
    if (format !== "pack-quantized") throw refused(`compressed-tensors ${String(format)}`, file);
    if (group.input_activations != null) throw refused("compressed-tensors with quantized activations", file);
    if (type !== "int") throw refused(`compressed-tensors of type ${String(type)}`, file);
    if (strategy !== "group" && strategy !== "channel")
      throw refused(`compressed-tensors, strategy ${String(strategy)}`, file);
    fourBits(num_bits, "compressed-tensors", file);
  }
  if (raw.kv_cache_scheme != null) throw refused("compressed-tensors with a quantized KV cache", file);
  const sparsity = raw.sparsity_config as Json | null | undefined;
  if (sparsity?.format != null && sparsity.format !== "dense")
    throw refused(`compressed-tensors, sparsity ${String(sparsity.format)}`, file);
  const symmetric = weights.every((w) => w.symmetric !== false);
  return { name: "compressed-tensors", layout: "pack-quantized", symmetric, zerosLess: 0, ordered: true };
}

function fourBits(bits: unknown, method: string, file: string): void {
  if (bits !== 4) throw refused(`${method} with ${String(bits)} bits`, file);
}

/** @throws ConfigError for a size that groups of 32 do not divide */
function sizeOf(size: unknown, file: string): number {
  if (size === -1 || (Number.isSafeInteger(size) && (size as number) > 0 && (size as number) % 32 === 0))
    return size as number;
  throw new ConfigError({
    what: '"group_size" of quantized weights',
    file,
    got: size,
    expected: "-1 or a multiple of 32",
  });
}
