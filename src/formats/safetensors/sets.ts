/** The checkpoints among the files of a folder, told by their names: what Hugging Face, GPTQ's and AWQ's tools call them, and others. */

/** One checkpoint: a file, or the shards of one. */
export interface WeightSet {
  /** The index, where there is one. */
  index?: string;
  /** All its *.safetensors. */
  files: readonly string[];
}

const INDEX = /^(.*)\.safetensors\.index\.json$/;
/** "model-00001-of-00003.safetensors": its stem, its number, how many there are. */
const SHARD = /^(.*)-(\d{5})-of-(\d{5})\.safetensors$/;

/** The index of the checkpoint that a shard belongs to; undefined for a file that stands alone. */
export function indexOfShard(name: string): string | undefined {
  const [, stem] = SHARD.exec(name) ?? [];
  return stem === undefined ? undefined : `${stem}.safetensors.index.json`;
}

export const isIndex = (name: string): boolean => INDEX.test(name);

/**
 * The checkpoints of a folder: shards that have a stem in common (and an index, perhaps) are one, every other *.safetensors is one by itself.
 * Adapters (adapter_model.safetensors) are none.
 */
export function weightSets(names: readonly string[]): WeightSet[] {
  const sets = new Map<string, WeightSet>();
  const indexes = new Set(names.filter(isIndex));
  for (const name of [...names].sort()) {
    if (!name.endsWith(".safetensors") || name.startsWith("adapter_")) continue;
    const index = indexOfShard(name);
    if (index === undefined) {
      sets.set(name, { files: [name] });
      continue;
    }
    const before = sets.get(index)?.files ?? [];
    sets.set(index, { ...(indexes.has(index) && { index }), files: [...before, name] });
  }
  return [...sets.values()];
}

/** The shards that a checkpoint without an index must have, by the name of one. */
export function allShards(name: string): string[] {
  const [, stem, , count] = SHARD.exec(name) ?? [];
  if (stem === undefined) return [name];
  return Array.from(
    { length: Number(count) },
    (_, i) => `${stem}-${String(i + 1).padStart(5, "0")}-of-${count}.safetensors`,
  );
}

/** A set in words. */
export const shownSet = ({ index, files }: WeightSet): string =>
  index ?? (files.length > 1 ? `${files[0]} and ${files.length - 1} more` : files[0]);
