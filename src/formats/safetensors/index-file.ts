import type { Tell } from "../../faults.ts";
import { parseStrictJson } from "../../source/json.ts";
import { checkName } from "../../source/range.ts";
import { readText } from "../../source/read.ts";
import type { Source } from "../../source/source.ts";
import { fault } from "./fault.ts";
import type { Shard } from "./shard.ts";

/** Files of one checkpoint, at most: each stays open. */
const MAX_SHARDS = 1000;

/** The map of an index file: in which shard each tensor lies. */
export interface ShardIndex {
  name: string;
  weightMap: Map<string, string>;
  /** Names of the shards, each once, in the order of their names. */
  shards: string[];
}

/**
 * Reads a `model.safetensors.index.json`: {"metadata": {…}, "weight_map": {"tensor": "model-00001-of-00002.safetensors", …}}.
 * `metadata.total_size` is not checked: published checkpoints have wrong ones, and nothing depends on it.
 * @throws FormatError (json, duplicate_key, safetensors_index), SourceError (bad_name) for a shard name that leads out of the folder
 */
export async function readIndex(source: Source, name: string): Promise<ShardIndex> {
  const root = parseStrictJson(await readText(source, name), name);
  const map = root instanceof Map ? root.get("weight_map") : undefined;
  if (!(map instanceof Map) || map.size === 0) {
    const got = map instanceof Map ? "an empty weight_map" : "no weight_map";
    throw fault("index", {
      what: "no index of a safetensors checkpoint",
      file: name,
      got,
      expected: "an object weight_map",
    });
  }
  const weightMap = new Map<string, string>();
  for (const [tensor, shard] of map) {
    checkName(shard, name);
    weightMap.set(tensor, shard);
  }
  const shards = [...new Set(weightMap.values())].sort();
  if (shards.length > MAX_SHARDS) {
    throw fault("limit", {
      what: "too many shards",
      file: name,
      got: shards.length,
      expected: `at most ${MAX_SHARDS}`,
    });
  }
  return { name, weightMap, shards };
}

/**
 * Every tensor of the index is in the shard that the index names, and every tensor of a shard is in the index, once.
 * @param tell of each that is not: FormatError (safetensors_index) naming the tensor, with `file` the shard or the index at fault
 */
export function checkIndex(index: ShardIndex, shards: readonly Shard[], tell: Tell): void {
  const found = new Map<string, string>();
  for (const { name: file, tensors } of shards) {
    for (const { name: tensor } of tensors) {
      const home = index.weightMap.get(tensor);
      const before = found.get(tensor);
      if (before !== undefined) {
        const facts = { file, tensor, got: `${before} and ${file}`, expected: `only in ${home}` };
        tell(fault("index", { what: "this tensor is in two shards", ...facts }));
      } else if (home === undefined) {
        const facts = { file, tensor, got: "nothing", expected: index.name };
        tell(fault("index", { what: "this tensor of a shard is not in the index", ...facts }));
      } else found.set(tensor, file);
    }
  }
  for (const [tensor, home] of index.weightMap) {
    const got = found.get(tensor);
    if (got === home) continue;
    const what = "the index names a shard that does not hold this tensor";
    tell(fault("index", { what, file: index.name, tensor, got: got ?? "no shard", expected: home }));
  }
}
