import type { Result } from "../../bench/result.ts";

/** In Markdown; the first column is text, all others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, i) => (i === 0 ? "---" : "--:"));
  return [head, rule, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** What a figure is worth nothing without. */
export function machineLine({ cpu, cores, engine, commit, date, hugePages, others, note }: Result): string {
  const pages = hugePages ? "huge pages" : "pages of 4 KiB";
  const busy = others === undefined ? "" : `; other programs had ${others} of the cores meanwhile`;
  return `- ${cpu}, ${cores} cores, ${engine}, ${pages}, commit ${commit}, ${date}${busy}${note ? `; ${note}` : ""}`;
}
