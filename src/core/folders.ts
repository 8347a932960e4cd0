import { SourceError } from "../errors.ts";
import { allShards, indexOfShard, isIndex, shownSet, weightSets } from "../formats/safetensors/sets.ts";
import type { Source } from "../source/index.ts";
import { notFound } from "../source/range.ts";
import { isDescription } from "./checkpoint.ts";

const CONFIG = "config.json";
const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/**
 * Whether the checkpoint of a folder is its GGUF files: where there are no safetensors.
 * @throws SourceError (code "several") if there are both, and no config.json that would go with the latter
 */
export function holdsGguf(names: readonly string[]): boolean {
  const gguf = names.filter((name) => name.endsWith(".gguf") && !name.startsWith("mmproj"));
  const sets = weightSets(names);
  if (gguf.length === 0 || sets.length === 0) return gguf.length > 0;
  if (names.includes(CONFIG)) return false;
  const got = [...gguf, ...sets.map(shownSet)];
  throw new SourceError({ what: "several checkpoints", got, expected: "the name of one of them" }, "several");
}

/** A file of weights stands for the checkpoint in whose folder it lies; a folder of a web server says how to name a file, where it lacks any. */
export async function byName(folder: Source, file: string | undefined): Promise<Source | undefined> {
  const names = await folder.list?.();
  if (file === undefined) return names ? undefined : hinted(folder);
  const weights = isIndex(file) || !isDescription(file);
  return weights && (!names || names.includes(CONFIG)) ? withWeights(folder, names, file) : undefined;
}

/** The same folder, of whose weights only those are there that `file` (a *.safetensors, a shard or an index) belongs to. */
function withWeights(folder: Source, names: readonly string[] | undefined, file: string): Source {
  const index = isIndex(file) ? file : indexOfShard(file);
  if (names && (index === undefined || !names.includes(index))) {
    const kept = names.filter((n) => allShards(file).includes(n) || !(/\.(safetensors|gguf)$/.test(n) || isIndex(n)));
    return {
      list: async () => [...kept],
      open: async (name, options) => (kept.includes(name) ? folder.open(name, options) : gone(name, kept)),
    };
  }
  // An index, or a server that does not list its files: here it goes by the name that is looked for.
  const [shown, hidden] = index === undefined ? [SINGLE, INDEX] : [INDEX, SINGLE];
  const all = names && [...names.filter((n) => n !== SINGLE && n !== INDEX && !n.endsWith(".gguf")), shown];
  return {
    ...(all && { list: async () => [...all] }),
    async open(name, options) {
      if (name === hidden) return gone(name, all);
      return folder.open(name === shown ? (index ?? file) : name, options);
    },
  };
}

function gone(name: string, names: readonly string[] | undefined): never {
  throw notFound(name, names);
}

/** What is missing where a folder is none of a checkpoint of safetensors. */
const MISSING: Readonly<Record<string, string>> = {
  [CONFIG]: `there is no ${CONFIG}`,
  [INDEX]: `there is neither ${SINGLE} nor ${INDEX}`,
};

/** A web server does not say what it has: where it lacks these, the error says how to name another file. */
function hinted(folder: Source): Source {
  return {
    async open(name, options) {
      try {
        return await folder.open(name, options);
      } catch (error) {
        if (!(name in MISSING && error instanceof SourceError && error.code === "not_found")) throw error;
        const what = `${MISSING[name]}, and a web server does not list its files`;
        const expected = "a checkpoint's folder, or the name of a file in it: …/NAME.gguf, …/NAME.safetensors";
        throw new SourceError({ what, file: error.file, expected, cause: error }, "not_found");
      }
    },
  };
}
