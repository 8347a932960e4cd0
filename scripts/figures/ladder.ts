import type { Ladder, Rates } from "../../bench/result.ts";
import { drawing } from "./bars.ts";
import { engineOf, machineLine, table } from "./table.ts";

/** Engines side by side, GB/s with one token and GMAC/s with 32. */
export function ladderTable(results: readonly Ladder[]): string {
  const names = [...new Set(results.flatMap(({ rungs }) => rungs.map(({ name }) => name)))].sort(byRung);
  const cell = (rates: Rates | undefined) => (rates ? String(rates[0]) : "–");
  const rows = names.map((name) => [
    name,
    ...results.flatMap(({ rungs }) => {
      const rung = rungs.find((r) => r.name === name);
      return [cell(rung?.gbPerS), cell(rung?.gmacPerS32)];
    }),
  ]);
  const limits = results.flatMap(({ limits }) => {
    const of = (part: string) => Object.entries(limits).filter(([name]) => name.startsWith(part));
    const most = (part: string) => Math.max(...of(part).map(([, [median]]) => median));
    return [most("stream"), most("dot products")].map(String);
  });
  const head = results.flatMap((result) => {
    return [`${engineOf(result)}: GB/s`, "GMAC/s"];
  });
  return `${table(["rung", ...head], [...rows, ["the limits: a stream; dot products alone", ...limits]])}\n\n${results.map(machineLine).join("\n")}`;
}

/** The library's rungs come last. */
const byRung = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function ladderDrawing({ rungs, limits, engine, cpu }: Ladder): string {
  const stream = Math.max(...["stream of 1", "stream of 4"].map((name) => limits[name]?.[0] ?? 0));
  const dots = Math.max(...Object.entries(limits).map(([name, [median]]) => (name.startsWith("dot") ? median : 0)));
  const bars = (of: (rung: Ladder["rungs"][number]) => Rates | undefined, limit: number, name: string) => [
    ...rungs.flatMap((rung) => {
      const rates = of(rung);
      return rates ? [{ label: rung.name, value: rates[0], strong: rung.name.startsWith("library") }] : [];
    }),
    { label: name, value: 0, limit },
  ];
  return drawing(`The rungs of the q4 linear layer, measured with ${engine} on ${cpu}`, [
    { title: "one token: GB/s of weights", bars: bars((r) => r.gbPerS, stream, "a stream") },
    { title: "32 tokens: GMAC/s", bars: bars((r) => r.gmacPerS32, dots, "dot products alone") },
  ]);
}
