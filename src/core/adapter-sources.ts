import { OptionError, SourceError } from "../errors.ts";
import type { AdapterInput } from "../load/adapters/adapter-set.ts";
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, adapterFile } from "../load/adapters/files.ts";
import { INPUTS, type Input, openInput, type UrlOptions } from "../open.ts";
import { abortableSource, type Opened, type Source } from "../source/index.ts";

/**
 * LoRA adapters by the names that they are to have: the folder of each as HF PEFT saves it (adapter_config.json, adapter_model.safetensors), by its path,
 * URL, Files or a Source; or `true` for one that the checkpoint itself holds under that name, as Microsoft's Phi-4-multimodal does "vision" and "speech".
 */
export type AdapterSources = Readonly<Record<string, Input | true>>;

/** Folder and adapters as one: the adapters' files stand beside the checkpoint's, under names that no file has. */
export interface WithAdapters {
  source: Source;
  adapters: AdapterInput[];
}

/**
 * Opens what is given as option `adapters`, in its order; no file is read yet.
 * @param fetching how the checkpoint is fetched; its headers are for the checkpoint alone
 * @throws OptionError, SourceError
 */
export async function withAdapters(
  where: string,
  folder: Source,
  given: unknown,
  signal: AbortSignal | undefined,
  fetching: UrlOptions = {},
): Promise<WithAdapters> {
  const entries = checkAdapters(where, given);
  const adapters = entries.map(([name, input]) => ({ name, included: input === true }));
  const files = new Map<string, () => ReturnType<Source["open"]>>();
  for (const [name, input] of entries) {
    if (input === true) continue;
    const expected = `${INPUTS}: the folder of an adapter`;
    const options = { ...fetching, headers: undefined };
    const opened = await openInput(`${where}: adapter ${JSON.stringify(name)}`, input, options, expected);
    const source = abortableSource(opened.source, signal);
    files.set(adapterFile(name, ADAPTER_CONFIG), () => source.open(ADAPTER_CONFIG));
    files.set(adapterFile(name, ADAPTER_WEIGHTS), () => openWeights(source, opened, name));
  }
  if (files.size === 0) return { source: folder, adapters };
  const source: Source = {
    ...(folder.list && { list: () => folder.list?.() ?? Promise.resolve([]) }),
    open: (name, options) => files.get(name)?.() ?? folder.open(name, options),
  };
  return { source, adapters };
}

/** The weights that were named, or those of a folder. @throws SourceError that says so where there are only pickled ones */
async function openWeights(source: Source, { file }: Opened, name: string): ReturnType<Source["open"]> {
  const wanted = file?.endsWith(".safetensors") ? file : ADAPTER_WEIGHTS;
  try {
    return await source.open(wanted);
  } catch (cause) {
    const names = await source.list?.().catch(() => undefined);
    if (!names?.includes("adapter_model.bin")) throw cause;
    const what = `adapter ${JSON.stringify(name)} is pickled, which is not read`;
    throw new SourceError({ what, file: "adapter_model.bin", expected: ADAPTER_WEIGHTS, cause }, "not_found");
  }
}

function checkAdapters(where: string, given: unknown): [string, unknown][] {
  if (given === undefined) return [];
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    const expected = "{ name: folder }, or { vision: true } for one in the checkpoint";
    throw new OptionError({ what: `${where}: option "adapters"`, got: given, expected });
  }
  for (const name of Object.keys(given)) {
    if (name !== "" && name.length <= 100 && !/\p{Cc}/u.test(name)) continue;
    const expected = "1 to 100 letters, none of them a control character";
    throw new OptionError({ what: `${where}: option "adapters": a name`, got: name, expected });
  }
  return Object.entries(given);
}
