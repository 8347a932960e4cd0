// Runs benches with tinybench and prints one table each:
//   npm run bench -- [part of a file name …] [--options of that bench]
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { setEngineFlags } from "../src/cli/engine-flags.ts";
import { NAMES } from "./args.ts";

// What an application may do and a library not: `--no-flags` shows the engine as a library finds it.
const flags = process.argv.includes("--no-flags") ? [] : setEngineFlags();

const here = fileURLToPath(new URL(".", import.meta.url));
const files = readdirSync(here, { recursive: true })
  .map(String)
  .filter((f) => f.endsWith(".bench.ts") && !f.includes("node_modules"))
  .filter((f) => NAMES.length === 0 || NAMES.some((name) => f.includes(name)))
  .sort();
console.log(
  `${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores, ${["node", process.versions.node, ...flags].join(" ")}`,
);
for (const file of files) await import(new URL(file, import.meta.url).href);
