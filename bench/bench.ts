// Runs benches with tinybench and prints one table each:
//   npm run bench -- [part of a file name …] [--options of that bench]
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { NAMES } from "./args.ts";
import { FLAGS } from "./flags.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const files = readdirSync(here, { recursive: true })
  .map(String)
  .filter((f) => f.endsWith(".bench.ts") && !f.includes("node_modules"))
  .filter((f) => NAMES.length === 0 || NAMES.some((name) => f.includes(name)))
  .sort();
console.log(
  `${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores, ${["node", process.versions.node, ...FLAGS].join(" ")}`,
);
for (const file of files) await import(new URL(file, import.meta.url).href);
