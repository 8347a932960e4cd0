import type { EndToEnd } from "../../bench/result.ts";
import { type Bar, drawing, figure } from "./bars.ts";
import { engineOf, machineLine, table } from "./table.ts";

const percent = (part: number): string => `${Math.round(100 * part)} %`;
const threadsOf = (n: number): string => `${n} ${n === 1 ? "thread" : "threads"}`;

/** All that was measured of a model: a row for each setting. */
export function speedTable(results: readonly EndToEnd[]): string {
  const head = [
    "",
    "pp128",
    "pp512",
    "of dots",
    "tg64 at 0",
    "GB/s",
    "of stream",
    "tg64 at 2048",
    "CPU ms: pp512, tg64",
    "outside kernels",
  ];
  const rows = results.flatMap((result) =>
    result.runs.map(({ threads, kernels, prompts, steps, outsideKernels }) => [
      `${engineOf(result)}, ${threadsOf(threads)}, ${kernels}`,
      figure(prompts[128].tokensPerS),
      figure(prompts[512].tokensPerS),
      percent(prompts[512].ofDots),
      figure(steps[0].tokensPerS),
      figure(steps[0].gbPerS),
      percent(steps[0].ofStream),
      steps[2048] ? figure(steps[2048].tokensPerS) : "–",
      `${figure(prompts[512].cpuMsPerToken)}, ${figure(steps[0].cpuMsPerToken)}`,
      `${(100 * outsideKernels).toFixed(1)} %`,
    ]),
  );
  return `${table(head, rows)}\n\n${results.map(machineLine).join("\n")}`;
}

/** Decoding in GB/s of weights and prompts in GMAC/s, each with its limit around it. */
export function speedDrawing(name: string, results: readonly EndToEnd[]): string {
  const bars = (bar: (run: EndToEnd["runs"][number]) => Omit<Bar, "label">): Bar[] =>
    results.flatMap((result) =>
      result.runs.map((run) => ({
        label: `${engineOf(result)}, ${threadsOf(run.threads)}, ${run.kernels}`,
        strong: run.kernels === "relaxed",
        ...bar(run),
      })),
    );
  return drawing(`${name}: decoding and prompts beside the limits of the machine, ${results[0].cpu}`, [
    {
      title: `${name}, decoding: GB/s of weights (dashed: a stream by as many threads)`,
      bars: bars(({ steps, stream }) => ({
        value: steps[0].gbPerS,
        limit: stream,
        note: `of ${figure(stream)};  ${figure(steps[0].tokensPerS)} tokens/s`,
      })),
    },
    {
      title: `${name}, a prompt of 512 tokens: GMAC/s (dashed: dot products alone)`,
      bars: bars(({ prompts, dots }) => {
        const limit = Math.max(...Object.values(dots));
        const note = `of ${figure(limit)};  ${figure(prompts[512].tokensPerS)} tokens/s`;
        return { value: prompts[512].gmacPerS, limit, note };
      }),
    },
  ]);
}
