import { basename } from "node:path";
import { type AdapterSources, type Input, urlSource } from "../index.ts";
import { type Given, type OptionSpec, UsageError } from "./args.ts";
import { hubOptionsOf, isRemote } from "./hub.ts";

/** `--adapter` of the commands that load a model. */
export const ADAPTER_OPTION: OptionSpec = {
  name: "adapter",
  value: "DIR[=SCALE]",
  many: true,
  help: "LoRA adapter (a folder of PEFT's) to work with, at a scale (default: 1); @NAME is one in the checkpoint itself; may be repeated",
};

/** One `--adapter`, as it was written. */
export interface AdapterArgument {
  /** A folder; or the name of one in the checkpoint. */
  source: string;
  included: boolean;
  scale: number;
}

/** @throws UsageError for one without a folder */
export function adapterArguments(given: Given): AdapterArgument[] {
  return given.texts("adapter").map((text) => {
    const [, at, source, scale] = /^(@?)(.*?)(?:=([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?))?$/i.exec(text) ?? [];
    if (!source) throw new UsageError(`--adapter needs DIR or DIR=SCALE, got ${JSON.stringify(text)}`);
    return { source, included: at === "@", scale: scale === undefined ? 1 : Number(scale) };
  });
}

/** A folder's path as it is; what is fetched, with what the environment says of the hub. */
export const sourceOf = (text: string): Input => (isRemote(text) ? urlSource(text, hubOptionsOf(text)) : text);

/** The adapters as loadPhi takes them, named after their folders, and their scales as setAdapter does. */
export function adaptersOf(given: Given): { adapters?: AdapterSources; scales: Record<string, number> } {
  const adapters: Record<string, Input | true> = {};
  const scales: Record<string, number> = {};
  for (const { source, included, scale } of adapterArguments(given)) {
    const plain = included ? source : basename(source) || source;
    let name = plain;
    for (let i = 2; Object.hasOwn(adapters, name); i++) name = `${plain} ${i}`;
    adapters[name] = included || sourceOf(source);
    scales[name] = scale;
  }
  return Object.keys(adapters).length > 0 ? { adapters, scales } : { scales };
}
