import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What a figure is worth nothing without. */
export interface Machine {
  cpu: string;
  cores: number;
  /** The engine and its version. */
  engine: string;
  /** Of this repository; with a "+" where files have been changed since. */
  commit: string;
  /** YYYY-MM-DD */
  date: string;
}

const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

export function machine(engine = `Node ${process.versions.node}`): Machine {
  const changed = git("status", "--porcelain", "--untracked-files=no", "src") === "" ? "" : "+";
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    engine,
    commit: git("rev-parse", "--short=10", "HEAD") + changed,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Bytes of this process that lie in huge pages; 0 where the system does not tell. */
export function hugePageBytes(): number {
  try {
    const [, kb] = /AnonHugePages:\s+(\d+)/.exec(readFileSync("/proc/self/smaps_rollup", "utf8")) ?? [];
    return Number(kb ?? 0) * 1024;
  } catch {
    return 0;
  }
}
