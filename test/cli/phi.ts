import { execFileSync, spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { inProject } from "../engines/disk.ts";

/** Runs the built command, as users have it. */

export interface Ran {
  stdout: string;
  stderr: string;
  /** Exit code, or the name of the signal that ended it. */
  code: number | string | null;
}

export interface RunOptions {
  input?: string;
  env?: Record<string, string>;
  /** Gets the running program. */
  started?: (child: { kill(signal: NodeJS.Signals): void }) => void;
  /** Looks at standard output as it grows; may kill, or close the pipe. */
  watch?: (child: { kill(signal: NodeJS.Signals): void; close(): void }, stdout: string) => void;
}

let ready = false;

/** `npm test` builds first; whoever runs a single test may have changed a source since. */
export function buildIfOlder(): void {
  if (ready) return;
  ready = true;
  const times = (folder: string, ending: string) =>
    readdirSync(inProject(folder), { recursive: true })
      .map(String)
      .filter((f) => f.endsWith(ending))
      .map((f) => statSync(inProject(`${folder}/${f}`)).mtimeMs);
  const built = (() => {
    try {
      return statSync(inProject("dist/.build.tsbuildinfo")).mtimeMs;
    } catch {
      return 0;
    }
  })();
  if (Math.max(...times("src", ".ts")) <= built) return;
  execFileSync(process.execPath, [
    inProject("node_modules/typescript/bin/tsc"),
    "-b",
    inProject("tsconfig.build.json"),
  ]);
}

/** @param program "main" (`phi`) or "start" (`npm start`) */
export function runCli(program: "main" | "start", args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  buildIfOlder();
  const child = spawn(process.execPath, [inProject(`dist/cli/${program}.js`), ...args], {
    cwd: inProject("."),
    env: { ...process.env, NO_COLOR: "1", INIT_CWD: inProject("."), ...options.env },
  });
  options.started?.({ kill: (signal) => child.kill(signal) });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    options.watch?.({ kill: (signal) => child.kill(signal), close: () => child.stdout.destroy() }, stdout);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {}).end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ stdout, stderr, code: code ?? signal }));
  });
}

export const phi = (...args: string[]): Promise<Ran> => runCli("main", args);
