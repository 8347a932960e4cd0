import type { Peers } from "../../bench/result.ts";
import { drawing, figure } from "./bars.ts";
import { engineOf, machineLine, table } from "./table.ts";

/** Tokens per second, and how many times as many phi-ts makes. */
export function peersTable(results: readonly Peers[]): string {
  const rows = results.flatMap((result) =>
    result.rates.map((peer) => {
      const ours = result.rates.find(({ name, threads }) => name === "phi-ts" && threads === peer.threads);
      const times = (own: number | undefined, theirs: number) =>
        peer === ours || !own ? "" : ` (× ${figure(own / theirs)})`;
      const prompt = (T: number) =>
        peer.prompts[T] ? figure(peer.prompts[T]) + times(ours?.prompts[T], peer.prompts[T]) : "–";
      return [
        `${result.model}, ${engineOf(result)}, ${peer.threads}: **${peer.name}**`,
        prompt(128),
        prompt(512),
        figure(peer.decode) + times(ours?.decode, peer.decode),
        Object.entries(peer.cpuMsPerToken ?? {})
          .map(([what, ms]) => `${what} ${figure(ms)}`)
          .join(", ") || "–",
      ];
    }),
  );
  return `${table(["model, engine, threads: runtime", "prompt of 128", "of 512", "decoding", "CPU ms a token"], rows)}\n\n${results.map(machineLine).join("\n")}`;
}

/** The settings with the most threads of each result. */
export function peersDrawing(results: readonly Peers[]): string {
  const panels = results.flatMap((result) => {
    const most = Math.max(...result.rates.map(({ threads }) => threads));
    const rates = result.rates.filter(({ threads }) => threads === most);
    const [T] = Object.keys(rates[0].prompts)
      .map(Number)
      .sort((a, b) => b - a);
    const panel = (what: string, value: (peer: Peers["rates"][number]) => number) => ({
      title: `${result.model}, ${engineOf(result)}, ${most} threads: ${what}, tokens/s`,
      bars: rates.map((peer) => ({ label: peer.name, value: value(peer), strong: peer.name === "phi-ts" })),
    });
    return [panel("decoding", ({ decode }) => decode), panel(`a prompt of ${T}`, ({ prompts }) => prompts[T])];
  });
  return drawing("phi-ts beside other runtimes: tokens per second", panels);
}
