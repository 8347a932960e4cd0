import { attempt, attemptAsync, type Tell, throwIt } from "../../../faults.ts";
import { bytesFile } from "../../../source/bytes.ts";
import { checkRange, notFound } from "../../../source/range.ts";
import type { ListedSource, OpenOptions, Source, SourceFile } from "../../../source/source.ts";
import { openGgufIn } from "../open.ts";
import { configOf } from "./config.ts";
import { tokenizerOf } from "./tokenizer.ts";

/**
 * The folder that a GGUF checkpoint stands for: config.json, tokenizer.json and tokenizer_config.json made of its metadata, and its own files under
 * their names. The bytes of its header are kept, since whoever reads the weights needs them once more.
 * @param file its (first) file; default: the only one of the folder
 * @param tell of a model or a tokenizer that is not built, by name (ConfigError, TokenizerError); the folder is without these files then
 * @throws FormatError, SourceError as `openGguf`
 */
export async function ggufFolder(source: Source, file?: string, tell: Tell = throwIt): Promise<ListedSource> {
  const kept = keepStarts(source);
  const gguf = await openGgufIn(kept.source, file, tell);
  try {
    const files = new Map<string, Uint8Array>();
    const put = (name: string, json: unknown) => files.set(name, new TextEncoder().encode(JSON.stringify(json)));
    const config = await attemptAsync(tell, () => configOf(gguf));
    if (config) put("config.json", config);
    const tokenizer = attempt(tell, () => tokenizerOf(gguf));
    if (tokenizer) {
      put("tokenizer.json", tokenizer.tokenizer);
      put("tokenizer_config.json", tokenizer.config);
    }
    kept.stop();
    // A file that is a GGUF by its content gets the ending, too.
    const shown = new Map(gguf.files.map((name) => [name.endsWith(".gguf") ? name : "model.gguf", name]));
    const names = [...files.keys(), ...shown.keys()];
    return {
      list: async () => names,
      async open(name, options) {
        const bytes = files.get(name);
        if (bytes) return bytesFile(bytes, name);
        const theirs = shown.get(name);
        if (theirs !== undefined) return kept.source.open(theirs, options);
        throw notFound(name, names);
      },
    };
  } finally {
    await gguf.close();
  }
}

/** The same source; reads that go on from the start of a file are kept until `stop`, and answer later ones. */
function keepStarts(source: Source): { source: Source; stop: () => void } {
  const starts = new Map<string, Uint8Array>();
  let keeping = true;
  const open = async (name: string, options?: OpenOptions): Promise<SourceFile> => {
    const file = await source.open(name, options);
    return {
      size: file.size,
      async read(offset, length, into) {
        const start = starts.get(name) ?? new Uint8Array(0);
        if (offset + length <= start.length) {
          const target = checkRange(name, file.size, offset, length, into);
          target.set(start.subarray(offset, offset + length));
          return target;
        }
        const bytes = await file.read(offset, length, into);
        if (keeping && offset === start.length) {
          const grown = new Uint8Array(start.length + length);
          grown.set(start);
          grown.set(bytes, start.length);
          starts.set(name, grown);
        }
        return bytes;
      },
      async close() {
        await file.close?.();
      },
    };
  };
  const list = source.list && { list: () => source.list?.() ?? Promise.resolve([]) };
  return {
    source: { ...list, open },
    stop: () => {
      keeping = false;
    },
  };
}
