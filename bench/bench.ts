// Runs benches with tinybench and prints one table each:
//   npm run bench -- [part of a file name …]
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { askForRelaxedSimd } from "../src/cli/relaxed-simd.ts";

askForRelaxedSimd();

const here = fileURLToPath(new URL(".", import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(here, { recursive: true })
  .map(String)
  .filter((f) => f.endsWith(".bench.ts") && (wanted.length === 0 || wanted.some((w) => f.includes(w))))
  .sort();
console.log(`${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores, node ${process.versions.node}`);
for (const file of files) await import(new URL(file, import.meta.url).href);
