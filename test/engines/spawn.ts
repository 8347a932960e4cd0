import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export interface Started {
  /** Resolves when it has ended: the exit code, or the signal that ended it. */
  ended: Promise<number | string>;
  /** Ends it and all that it has started. */
  stop(): Promise<void>;
  /** File descriptors from 3 on, that were asked for. */
  extra: Readable[];
}

const running = new Set<number>();

/** Whatever way this process ends, nothing that it has started outlives it. */
function killAll(): void {
  for (const pid of running) killGroup(pid);
}
process.on("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Starts a program as a group of its own; each line that it writes goes to `line`. */
export function start(
  command: string,
  args: readonly string[],
  options: { line: (text: string) => void; env?: NodeJS.ProcessEnv; cwd?: string; extra?: number },
): Started {
  const { line, env, cwd, extra = 0 } = options;
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe", ...Array<"pipe">(extra).fill("pipe")],
  });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on("line", line);
  }
  const ended = new Promise<number | string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? signal ?? "nothing"));
  });
  ended.catch(() => {});
  return {
    ended,
    extra: child.stdio.slice(3) as Readable[],
    async stop() {
      if (pid === undefined) return;
      killGroup(pid);
      await ended.catch(() => {});
      running.delete(pid);
    },
  };
}

/** `work`, or a rejection after so many minutes. */
export async function within<T>(minutes: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no end after ${minutes} minutes`)), minutes * 60_000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
