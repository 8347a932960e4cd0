import { Bench } from "tinybench";

/** The work that one call does: multiply-adds, bytes read, or both, to turn milliseconds into GMAC/s and GB/s. */
export interface Work {
  macs?: number;
  /** Of each, or by name where they read differently much. */
  bytes?: number | Readonly<Record<string, number>>;
}

/**
 * Times one operation in several forms, such as the kinds of kernels, in one run, and prints median, rate and ratio. The caller has checked that the results agree.
 * @param title the operation and its sizes
 */
export async function compare(title: string, work: Work, runs: Readonly<Record<string, () => void>>): Promise<void> {
  const bench = new Bench({ time: 400, warmupTime: 100, iterations: 5, warmupIterations: 1 });
  for (const [kind, run] of Object.entries(runs)) bench.add(kind, run);
  await bench.run();
  const rows = bench.tasks.map((task) => {
    const ms = task.result.state === "completed" ? task.result.latency.p50 : Number.NaN;
    const bytes = typeof work.bytes === "object" ? work.bytes[task.name] : work.bytes;
    const rate = (amount: number) => +(amount / ms / 1e6).toFixed(3);
    return {
      kernel: task.name,
      "median ms": +ms.toFixed(4),
      ...(work.macs && { "GMAC/s": rate(work.macs) }),
      ...(bytes && { "GB/s": rate(bytes) }),
    };
  });
  console.log(`\n${title}`);
  console.table(rows);
}
