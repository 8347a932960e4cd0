// Runs the suites on an engine, by the name of the driver:
//   npm run test:deno            or, for some of them, by parts of their files' names:   npm run test:deno -- kernels/ api/
// Whatever happens, what was started is ended, and the last line is "N passed, N failed, N skipped".
import { rmSync } from "node:fs";
import { browserDriver } from "./browser.ts";
import { inProject } from "./disk.ts";
import type { Driver } from "./driver.ts";
import { bun, deno, node, PAIRED } from "./local.ts";
import { counts, leave } from "./result.ts";
import { within } from "./spawn.ts";
import { suiteFiles } from "./suites.ts";
import { workerd } from "./workerd.ts";

const DRIVERS: Record<string, Driver> = {
  node20: node(20),
  node22: node(22),
  node24: node(24),
  node26: node(26),
  "node24-256": node(24, PAIRED),
  "node26-256": node(26, PAIRED),
  deno,
  bun,
  workerd,
  chromium: browserDriver("chromium"),
  firefox: browserDriver("firefox"),
  "chromium-isolated": browserDriver("chromium", true),
  "firefox-isolated": browserDriver("firefox", true),
};

const MINUTES = 20;

const [name, ...parts] = process.argv.slice(2);
const driver = DRIVERS[name];
if (!driver) {
  console.error(`no driver "${name}"; there are ${Object.keys(DRIVERS).join(", ")}`);
  process.exit(2);
}

process.env.PHI_RESULT = inProject(`test/engines/results/${name}.json`);
if (parts.length > 0)
  delete process.env.PHI_RESULT; // some of the suites say nothing of the engine
else rmSync(process.env.PHI_RESULT, { force: true });

try {
  const files = suiteFiles(name, parts);
  if (files.length === 0) throw new Error(`no suite that runs here has ${parts.join(" or ")} in its name`);
  const result = await within(MINUTES, name, driver(files));
  leave(result);
  console.log(counts(result));
  process.exit(result.failed === 0 && result.passed > 0 ? 0 : 1);
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  console.log("0 passed, 1 failed, 0 skipped");
  process.exit(1);
}
