import { FormatError } from "../../errors.ts";
import { openSafetensorsIn } from "../../formats/safetensors/open.ts";
import type { Source } from "../../source/source.ts";
import { readConfig } from "../read-config.ts";
import type { AdapterBase, AdapterInput, OpenAdapters } from "./adapter-set.ts";
import { includedConfig, type LoraConfig, parseLoraConfig } from "./config.ts";
import { checkTableCopy, tableCopyIn } from "./copy.ts";
import { deltasOf, type Factors } from "./deltas.ts";
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, adapterFile } from "./files.ts";
import { closeAdapters, LoraAdapters, type OpenedAdapter } from "./place.ts";
import { factorsIn } from "./tensors.ts";

/** {@link OpenAdapters} */
export const openAdapters: OpenAdapters = async (source, inputs, base) =>
  new LoraAdapters(await openEach(source, inputs, base));

/** The same, each by itself. */
export async function openEach(
  source: Source,
  inputs: readonly AdapterInput[],
  base: AdapterBase,
): Promise<OpenedAdapter[]> {
  const opened: OpenedAdapter[] = [];
  try {
    for (const { name, included } of inputs)
      opened.push(included ? openIncluded(name, base) : await openFolder(source, name, base));
    return opened;
  } catch (error) {
    await closeAdapters(opened);
    throw error;
  }
}

async function openFolder(source: Source, name: string, base: AdapterBase): Promise<OpenedAdapter> {
  const configFile = adapterFile(name, ADAPTER_CONFIG);
  const config = parseLoraConfig(await readConfig(source, configFile), configFile);
  const files = await openSafetensorsIn(source, adapterFile(name, ADAPTER_WEIGHTS));
  try {
    const opened = planned(name, config, files, factorsIn(files.tensors.values()), base);
    const table = tableCopyIn(files.tensors.values(), base);
    if (!table) return opened;
    const check: OpenedAdapter["check"] = (options) => checkTableCopy(table, files, base.files, options);
    return { ...opened, sourceBytes: opened.sourceBytes + table.copy.byteLength, check };
  } catch (error) {
    await files.close();
    throw error;
  }
}

function openIncluded(name: string, base: AdapterBase): OpenedAdapter {
  const { files } = base;
  const of = `.${name}.weight`;
  const own = [...files.tensors.values()].filter((t) => /\.lora_[AB]\.[^.]+\.weight$/.test(t.name));
  const mine = own.filter((tensor) => tensor.name.endsWith(of));
  if (mine.length === 0) {
    const names = [...new Set(own.map((tensor) => tensor.name.split(".").at(-2)))];
    const expected =
      names.length > 0 ? `one of ${names.join(", ")}` : "the folder of an adapter: this checkpoint has none";
    throw new FormatError({ what: "the checkpoint itself has no such adapter", got: name, expected }, "adapter");
  }
  const borrowed = { tensors: files.tensors, readInto: files.readInto, close: async () => {} };
  return planned(name, includedConfig(base.json, name), borrowed, factorsIn(mine), base);
}

function planned(
  name: string,
  config: LoraConfig,
  files: OpenedAdapter["files"],
  factors: ReadonlyMap<string, Factors>,
  { config: model, specs }: AdapterBase,
): OpenedAdapter {
  const deltas = deltasOf(config, factors, model, specs);
  const sourceBytes = [...factors.values()].reduce((sum, { a, b }) => sum + a.byteLength + b.byteLength, 0);
  return { name, config, deltas, files, sourceBytes, check: async () => {} };
}
