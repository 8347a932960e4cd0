import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { FLAGS } from "./flags.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What a figure is worth nothing without. */
export interface Machine {
  cpu: string;
  cores: number;
  /** The engine and its version. */
  engine: string;
  /** V8's experimental flags of WebAssembly that were set (flags.ts); absent: none. */
  flags?: readonly string[];
  /** Of this repository; with a "+" where files have been changed since. */
  commit: string;
  /** YYYY-MM-DD */
  date: string;
}

const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

const HERE = `Node ${process.versions.node}`;

/** @param engine of the measured program; flags are told where it is this process's own */
export function machine(engine = HERE): Machine {
  const changed = git("status", "--porcelain", "--untracked-files=no", "src") === "" ? "" : "+";
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    engine,
    ...(engine === HERE && FLAGS.length > 0 && { flags: FLAGS }),
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

/** Seconds that all processors together have worked since the start of the system; undefined where it does not tell (Linux does). */
function busySeconds(): number | undefined {
  try {
    // user nice system idle iowait irq softirq steal, in hundredths of a second
    const [user, nice, system, , , irq, softirq] = /^cpu +(.*)/
      .exec(readFileSync("/proc/stat", "utf8"))![1]
      .split(" ")
      .map(Number);
    return (user + nice + system + irq + softirq) / 100;
  } catch {
    return undefined;
  }
}

/** Begins to look at what else the machine does; the result tells how many of its processors others had since then, on average. */
export function watchOthers(): () => number | undefined {
  const own = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  const [since, busy, mine] = [performance.now(), busySeconds(), own()];
  return () => {
    const now = busySeconds();
    if (now === undefined || busy === undefined) return undefined;
    const others = now - busy - (own() - mine);
    return Math.max(0, Number((others / ((performance.now() - since) / 1000)).toFixed(2)));
  };
}
