import { PACKED_FILES, PACKED_KEY, PACKED_VERSION } from "../../src/formats/packed/packed.ts";
import {
  type Pieces,
  type ShardEntry,
  type Sink,
  type WrittenShards,
  writeShardedSafetensors,
} from "../../src/formats/safetensors/index.ts";
import { packedShape } from "../../src/load/formats.ts";
import { isFloat } from "../../src/model/weights.ts";
import { BLOCK_BYTES, ROWS } from "../../src/quant/packed-matrix.ts";
import { f32ToF16 } from "../../src/tensor/index.ts";
import { type MakeOptions, vectorOf, weightsOf } from "./make.ts";
import { NormalWeights, seedOf, xorshift128 } from "./normal.ts";
import type { Preset } from "./presets.ts";

/** Bytes of a piece, at most. */
const PIECE = 2 ** 22;

/** Standard deviation of the integers, uniform over -8 … 7 (q4) and -128 … 127 (q8). */
const SPREAD = { q4: Math.sqrt((16 ** 2 - 1) / 12), q8: Math.sqrt((256 ** 2 - 1) / 12) };

/**
 * Writes a packed file (docs/format.md) of random weights, a quarter of the bytes of what `makeCheckpoint` writes: nibbles or bytes are uniform, and
 * each group's scale, of either sign for q4, gives them the standard deviation `initializer_range` within a factor of 2; norms are 1, biases 0. Equal
 * input gives equal bytes on every engine.
 * @param files go into the packed file beside config.json and generation_config.json: the tokenizer's
 * @throws ConfigError before anything is written
 */
export async function makePacked(
  sink: Sink,
  { config, generation }: Preset,
  format: "q4" | "q8",
  { seed = 0, onProgress }: MakeOptions = {},
  files: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<WrittenShards> {
  const scale = Number(config.initializer_range ?? 0.02) / SPREAD[format];
  const normal = new NormalWeights("f32", Number(config.initializer_range ?? 0.02));
  const weights = weightsOf(config).map((spec): ShardEntry => {
    const { name, rows, cols } = spec;
    if (spec.vector) return { name, dtype: "F32", shape: [cols], data: vectorOf("f32", name, cols) };
    if (isFloat(spec)) {
      const data = () => normal.pieces(rows * cols * 4, seedOf(seed, name));
      return { name, dtype: "F32", shape: [rows, cols], data };
    }
    const blocks = packedShape(format, spec);
    return { name, dtype: "U8", shape: blocks, data: () => blockPieces(blocks, scale, seedOf(seed, name)) };
  });
  const json = (value: object) => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  const carried = new Map(files).set("config.json", json(config)).set("generation_config.json", json(generation));
  const small = [...carried].map(([name, data]): ShardEntry => {
    return { name: PACKED_FILES + name, dtype: "U8", shape: [data.length], data };
  });
  return writeShardedSafetensors(sink, [...weights, ...small], {
    maxShardBytes: Number.MAX_SAFE_INTEGER,
    metadata: { [PACKED_KEY]: PACKED_VERSION, "phi-ts.weights": format, "phi-ts.quantizer": "random" },
    onProgress,
  });
}

/** Blocks of a matrix; the same buffer is filled again for each piece. */
async function* blockPieces([groupsOfRows, groups, bytes]: number[], scale: number, seed: number): Pieces {
  const all = groupsOfRows * groups;
  const some = Math.min(all, Math.floor(PIECE / bytes));
  const words = new Int32Array((some * bytes) / 4);
  const halves = new Uint16Array(words.buffer);
  const scales = Uint16Array.from({ length: 256 }, (_, i) => f32ToF16(scale * 2 ** ((i % 128) / 64 - 1)));
  if (bytes === BLOCK_BYTES.q4) for (let i = 128; i < 256; i++) scales[i] |= 0x8000;
  const next = xorshift128(seed);
  for (let done = 0; done < all; done += some) {
    const n = Math.min(some, all - done);
    const end = (n * bytes) / 4;
    for (let i = 0; i < end; i++) words[i] = next();
    for (let block = 0; block < end * 2; block += bytes / 2)
      for (let r = block; r < block + ROWS; r++) halves[r] = scales[halves[r] & 255];
    yield new Uint8Array(words.buffer, 0, n * bytes);
  }
}
