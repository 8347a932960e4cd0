import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProject } from "./disk.ts";
import type { Driver } from "./driver.ts";
import type { Result } from "./result.ts";
import { start } from "./spawn.ts";

/** A program of test/engines/node_modules. @throws Error that says how it gets there */
export function installed(program: string): string {
  const path = inProject(`test/engines/node_modules/.bin/${program}`);
  if (!existsSync(path)) throw new Error(`${program} is not installed: npm install --prefix test/engines`);
  return path;
}

/** A program that runs all suites in the project's folder, prints what fails and leaves its result where PHI_RESULT says. */
const local =
  (command: () => string[]): Driver =>
  async (parts) => {
    const [program, ...args] = command();
    const folder = mkdtempSync(join(tmpdir(), "phi-ts-result-"));
    const PHI_RESULT = join(folder, "result.json");
    const options = {
      cwd: inProject("."),
      env: { PHI_RESULT, NO_COLOR: "1" },
      line: (text: string) => console.log(text),
    };
    const started = start(program, [...args, ...parts], options);
    try {
      const code = await started.ended;
      if (!existsSync(PHI_RESULT)) throw new Error(`${program} ended (${code}) without a result`);
      const result = JSON.parse(readFileSync(PHI_RESULT, "utf8")) as Result;
      if (code !== 0 && result.failed === 0) throw new Error(`${program} ended with ${code}, though no test failed`);
      return result;
    } finally {
      await started.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  };

/** vitest on this version of Node, which npx fetches. The quality of quantized weights, minutes of work, is measured by `npm test` only: the hashes tell that it is the same. */
export const node = (version: number): Driver =>
  local(() => [
    ...["npx", "-y", "-p", `node@${version}`, "node", inProject("node_modules/vitest/vitest.mjs"), "run"],
    ...["--exclude", "test/model/quantized.test.ts"],
  ]);

/** All but what starts Node itself. */
const SUITES = [
  "api/",
  "conformance/",
  "formats/",
  "generate/",
  "golden.test",
  "inline/",
  "kernels/",
  "load/",
  "math/",
  "model/",
].concat(["page/", "platform/", "quant/", "quantize/", "source/", "tensor/", "threads/", "tokenizer/", "worker/"]);

export const bun: Driver = (parts) =>
  local(() => [installed("bun"), "--conditions=phi-ts-source", inProject("test/run.ts")])(
    parts.length ? parts : SUITES,
  );

/** With the permissions that the suites need: files (links are made, which Deno allows only where all may be written), servers on this machine, programs (mkfifo; the web server; esbuild, for the worker's code, since the suites run from source). */
export const deno: Driver = (parts) =>
  local(() => [
    ...[installed("deno"), "run", "--no-prompt", "--quiet", "--conditions=phi-ts-source"],
    ...["--allow-read", "--allow-write", "--allow-env", "--allow-sys", "--allow-net=127.0.0.1", "--allow-run"],
    inProject("test/run.ts"),
  ])(parts.length ? parts : SUITES);
