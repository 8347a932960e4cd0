import { bytesSource, type LoadProgress, type Source } from "phi-ts";

const FILES = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"];

export async function sourceAt(
  folder: URL,
  signal: AbortSignal,
  _onProgress: (p: LoadProgress) => void,
): Promise<Source> {
  const files = new Map<string, Uint8Array>();
  for (const name of FILES) {
    files.set(name, new Uint8Array(await (await fetch(new URL(name, folder), { signal })).arrayBuffer()));
  }
  return bytesSource(files);
}

export function blobSource(list: Iterable<File>): Source {
  const files = new Map([...list].map((f) => [f.name, f]));
  return {
    list: async () => [...files.keys()],
    async open(name) {
      const file = files.get(name);
      if (!file) throw new Error(`no ${name}`);
      return {
        size: file.size,
        async read(offset, length, into = new Uint8Array(length)) {
          const bytes = new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
          into.set(bytes);
          return into.subarray(0, length);
        },
      };
    },
  };
}

export async function droppedFiles(data: DataTransfer | null): Promise<Source> {
  return blobSource(data?.files ?? []);
}
