import { inspect as inspectSource } from "../index.ts";
import { faultJson } from "../inspect/inspect.ts";
import { ADAPTER_OPTION, adaptersOf } from "./adapters.ts";
import type { Command } from "./args.ts";
import { hubOptionsOf } from "./hub.ts";
import { page } from "./inspect-page.ts";
import { bytesIn, COMMON_OPTIONS, LAYOUT_OPTIONS, layoutOf, MODEL } from "./options.ts";
import { checkpointOf } from "./paths.ts";
import { FAILED, OK } from "./program.ts";
import { note, write } from "./ui.ts";

/** `phi inspect`: what a checkpoint is, what it would take, and why it would not load, from its headers alone. */
export const inspect: Command = {
  name: "inspect",
  summary: "show what a checkpoint is, the memory it takes, and why it would not load",
  usage: "DIR",
  details:
    "Reads the config, the tokenizer and the headers of the weights. Exit code 1, and every reason, for a checkpoint that would not load.",
  options: [
    MODEL,
    ...LAYOUT_OPTIONS,
    {
      name: "budget",
      value: "BYTES",
      help: "say whether that much memory is enough, and for how many tokens: 4GB, 3.5GiB …",
    },
    { name: "read", help: "read all weights, too, and tell of damaged ones: takes the memory and the time of loading" },
    ADAPTER_OPTION,
    { name: "json", help: "print everything as JSON" },
    ...COMMON_OPTIONS,
  ],
  async run(given) {
    const path = checkpointOf(given);
    const budget = bytesIn(given, "budget");
    const { adapters } = adaptersOf(given);
    const options = { ...layoutOf(given), ...hubOptionsOf(path), adapters, read: given.flag("read") };
    const found = await inspectSource(path, { ...options, ...(budget !== undefined && { budget }) });
    for (const { message } of found.notices) note(`phi: ${message}`);
    const json = () => JSON.stringify({ ...found, budget, faults: found.faults.map(faultJson) }, undefined, 2);
    await write(`${given.flag("json") ? json() : page(path, found, budget)}\n`);
    return found.loads ? OK : FAILED;
  },
};
