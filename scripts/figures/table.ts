import { paired, type Result } from "../../bench/result.ts";

/** In Markdown; the first column is text, all others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, i) => (i === 0 ? "---" : "--:"));
  return [head, rule, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** What a figure is worth nothing without. */
export function machineLine({ cpu, cores, engine, flags = [], commit, date, hugePages, others, note }: Result): string {
  const pages = hugePages ? "huge pages" : "pages of 4 KiB";
  const busy = others === undefined ? "" : `; other programs had ${others} of the cores meanwhile`;
  return `- ${cpu}, ${cores} cores, ${[engine, ...flags.map((flag) => `\`${flag}\``)].join(" ")}, ${pages}, commit ${commit}, ${date}${busy}${note ? `; ${note}` : ""}`;
}

/** "Node 24, 256-bit, huge pages": the engine, and what else sets columns apart. */
export const engineOf = (result: Result): string =>
  [
    result.engine.replace(/\..*/, ""),
    ...(paired(result) ? ["256-bit"] : []),
    ...(result.hugePages ? ["huge pages"] : []),
  ].join(", ");
