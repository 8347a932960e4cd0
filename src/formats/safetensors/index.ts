/**
 * `phi-ts/safetensors`: a reader and a writer of the safetensors format, which stand alone. Single files and sharded checkpoints are read lazily,
 * by byte range, from a path, a Source or bytes; every offset is checked from the header and the file's size before memory is taken.
 * @module
 */

export {
  type Bytes,
  bytesSink,
  bytesSource,
  type Sink,
  type SinkFile,
  type Source,
  type SourceFile,
} from "../../source/index.ts";
export { DTYPE_BYTES, type SafetensorsDType } from "./dtype.ts";
export { openSafetensors, type Safetensors, type SafetensorsInput } from "./open.ts";
export type { TensorInfo } from "./shard.ts";
export { type TensorData, type TensorSpec, writeSafetensors } from "./write.ts";
export {
  type Pieces,
  type ShardEntry,
  type ShardOptions,
  type WrittenShards,
  writeShardedSafetensors,
} from "./write-shards.ts";
