// Runs suites on an engine with a file system, without a test runner:
//   node --conditions=phi-ts-source test/run.ts [part of a file name …]      (Node 20: add --import tsx)
//   bun --conditions=phi-ts-source test/run.ts
//   deno run -A --conditions=phi-ts-source test/run.ts
import { readdirSync } from "node:fs";
import { diskEngine, inProject } from "./engines/disk.ts";
import { leave, resultOf } from "./engines/result.ts";
import { suites } from "./harness.ts";
import { runSuite, Tally } from "./runner.ts";

const wanted = process.argv.slice(2);
const files = readdirSync(inProject("test"), { recursive: true })
  .map((file) => `./${String(file).replaceAll("\\", "/")}`)
  .filter((f) => f.endsWith(".test.ts") && !f.includes("node_modules"))
  .filter((f) => wanted.length === 0 || wanted.some((w) => f.includes(w)))
  .sort();

const notes: Record<string, string> = {};
const note = (name: string, value: string): void => {
  notes[name] = value;
};
const engine = await diskEngine({ vitest: false, note });
const tally = new Tally();
for (const file of files) {
  await import(new URL(file, import.meta.url).href);
  for (const suite of suites.splice(0)) await runSuite(suite, engine, (outcome) => tally.add(outcome));
}
leave(resultOf(engine, tally, notes));
console.log(tally.summary());
// Message ports that a suite leaves open would keep Deno running.
process.exit(tally.ok ? 0 : 1);
