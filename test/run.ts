// Runs suites on any engine without a test runner:
//   node --conditions=phi-ts-source test/run.ts [part of a file name …]      (Node 20: add --import tsx)
//   bun --conditions=phi-ts-source test/run.ts
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cases } from "./harness.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(here, { recursive: true })
  .map(String)
  .filter((f) => f.endsWith(".test.ts") && (wanted.length === 0 || wanted.some((w) => f.includes(w))))
  .sort();

let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of files) {
  cases.length = 0;
  await import(new URL(file, import.meta.url).href);
  for (const { suite, title, run, skip } of [...cases]) {
    if (skip !== undefined || !run) {
      skipped++;
      console.log(`- ${suite}: ${title} (skipped: ${skip})`);
      continue;
    }
    try {
      await run();
      passed++;
    } catch (error) {
      failed++;
      console.log(`✗ ${file} ${suite}: ${title}\n  ${error instanceof Error ? (error.stack ?? error) : error}`);
    }
  }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
