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

/** A program that runs suites in the project's folder, prints what fails and leaves its result where PHI_RESULT says. */
const local =
  (command: () => string[]): Driver =>
  async (files) => {
    const [program, ...args] = command();
    const folder = mkdtempSync(join(tmpdir(), "phi-ts-result-"));
    const PHI_RESULT = join(folder, "result.json");
    const options = {
      cwd: inProject("."),
      env: { PHI_RESULT, NO_COLOR: "1" },
      line: (text: string) => console.log(text),
    };
    const started = start(program, [...args, ...files], options);
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

const RUN = ["--conditions=phi-ts-source", inProject("test/run.ts")];

/**
 * V8 pairs vectors to 256 bits, as the `phi` command asks it to (src/cli/engine-flags.ts). It does so in its optimizing compiler: a function comes
 * to that at its first call here, and not after thousands of them, so that what is tested is what runs.
 */
export const PAIRED = ["--experimental-wasm-revectorize", "--wasm-tiering-budget=1", "--wasm-sync-tier-up"];

/** This version of Node, which npx fetches. Node 20 reads no TypeScript, and has relaxed SIMD behind a flag, which the library never sets. */
export const node = (version: number, flags: readonly string[] = []): Driver =>
  local(() => [
    ...["npx", "-y", "-p", `node@${version}`, "node", ...flags],
    ...(version < 22 ? ["--experimental-wasm-relaxed-simd", "--import", "tsx"] : []),
    ...RUN,
  ]);

export const bun: Driver = local(() => [installed("bun"), ...RUN]);

/** With the permissions that the suites need: files (links are made, which Deno allows only where all may be written), servers on this machine, programs (mkfifo; the web server; esbuild, for the worker's code, since the suites run from source). */
export const deno: Driver = local(() => [
  ...[installed("deno"), "run", "--no-prompt", "--quiet"],
  ...["--allow-read", "--allow-write", "--allow-env", "--allow-sys", "--allow-net=127.0.0.1", "--allow-run"],
  ...RUN,
]);
