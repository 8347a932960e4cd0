import { Bench } from "tinybench";
import type { KernelKind } from "../src/kernels/index.ts";

/** The work that one call does: multiply-adds, bytes read, or both, to turn milliseconds into GMAC/s and GB/s. */
export interface Work {
  macs?: number;
  bytes?: number;
}

/**
 * Times one operation in every kind of kernel, in one run, and prints median, rate and ratio. The caller has checked that the results agree.
 * @param title the operation and its sizes
 */
export async function compare(title: string, work: Work, runs: Partial<Record<KernelKind, () => void>>): Promise<void> {
  const bench = new Bench({ time: 400, warmupTime: 100, iterations: 5, warmupIterations: 1 });
  for (const [kind, run] of Object.entries(runs)) bench.add(kind, run);
  await bench.run();
  const rows = bench.tasks.map((task) => {
    const ms = task.result.state === "completed" ? task.result.latency.p50 : Number.NaN;
    const rate = (amount: number) => +(amount / ms / 1e6).toFixed(3);
    return {
      kernel: task.name,
      "median ms": +ms.toFixed(4),
      ...(work.macs && { "GMAC/s": rate(work.macs) }),
      ...(work.bytes && { "GB/s": rate(work.bytes) }),
    };
  });
  console.log(`\n${title}`);
  console.table(rows);
}
