import type { EndToEnd, Peers } from "../../bench/result.ts";
import { figure } from "./bars.ts";
import { engineOf, table } from "./table.ts";

/** Of each result the setting with the most threads and the better kernels. */
export function readmeTable(results: readonly EndToEnd[]): string {
  const rows = results.flatMap((result) => {
    const most = Math.max(...result.runs.map(({ threads }) => threads));
    const run = result.runs.find(({ threads }) => threads === most);
    if (run === undefined) return [];
    const { prompts, steps } = run;
    const pages = result.hugePages ? "huge pages" : "pages of 4 KiB";
    return [
      [
        `${result.model.name}, ${engineOf({ ...result, hugePages: false })}, ${most} ${most === 1 ? "thread" : "threads"}, ${run.kernels}, ${pages}`,
        `${figure(prompts[512].tokensPerS)} tokens/s`,
        `${figure(steps[0].tokensPerS)} tokens/s`,
        `${figure(prompts[512].cpuMsPerToken)} ms`,
        `${figure(steps[0].cpuMsPerToken)} ms`,
      ],
    ];
  });
  const notes = [...new Set(results.map(({ note }) => note))].flatMap((note) => (note ? [`(${note})`] : [])).join(" ");
  return `${table(["", "prompt of 512", "decoding", "CPU time a token: prompt", "decoding"], rows)}\n\n${notes}`;
}

/** How many times as many tokens phi-ts makes as the better of each runtime's files, with the most threads. */
export function readmePeers(results: readonly Peers[]): string {
  const lines = results.flatMap((result) => {
    const { rates, model, hugePages } = result;
    const most = Math.max(...rates.map(({ threads }) => threads));
    const there = rates.filter(({ threads }) => threads === most);
    const ours = there.find(({ name }) => name === "phi-ts");
    if (ours === undefined) return [];
    const runtimes = new Set(there.filter((peer) => peer !== ours).map(({ name }) => name.replace(/,.*/, "")));
    return [...runtimes].flatMap((runtime) => {
      const files = there.filter(({ name }) => name.startsWith(runtime));
      const lengths = Object.keys(ours.prompts).map(Number);
      const T = Math.max(...lengths);
      const decode = ours.decode / Math.max(...files.map((peer) => peer.decode));
      const prompt = ours.prompts[T] / Math.max(...files.map((peer) => peer.prompts[T]));
      const where = `${engineOf({ ...result, hugePages: false })}${hugePages ? " and huge pages" : ""}`;
      const threads = `${most} ${most === 1 ? "thread" : "threads"}`;
      const wall = `decoding × ${figure(decode)}, a prompt of ${T} × ${figure(prompt)}`;
      const cpu = (what: string) => {
        const least = Math.min(...files.map((peer) => peer.cpuMsPerToken?.[what] ?? Number.NaN));
        return figure(least / (ours.cpuMsPerToken?.[what] ?? Number.NaN));
      };
      const byCpu = ours.cpuMsPerToken ? ` (by CPU time × ${cpu("decode")} and × ${cpu(`pp${T}`)})` : "";
      return [`- beside ${runtime}, ${model} in ${where}, ${threads}: ${wall}${byCpu}`];
    });
  });
  return lines.join("\n");
}
