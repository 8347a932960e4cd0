/** One bar; `limit` is drawn around it as what would be possible, and by itself where the value is 0. */
export interface Bar {
  label: string;
  value: number;
  limit?: number;
  /** Ours, or the one that is used: drawn in the strong colour. */
  strong?: boolean;
  /** Behind the value. */
  note?: string;
}

/** Bars of one unit, on a scale of their own. */
export interface Panel {
  title: string;
  bars: readonly Bar[];
}

const WIDTH = 760;
const LABELS = 270;
const BARS = 360;
const ROW = 22;

/** Of all drawings: readable on light and dark pages. */
export const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .note { fill: #59636e }
  .bar { fill: #9aa7b4 }
  .strong { fill: #2f7fd0 }
  .limit { fill: none; stroke: #8c959f; stroke-dasharray: 3 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .bar { fill: #59636e }
    .strong { fill: #4493f8 }
    .limit { stroke: #7d8590 }
  }
`;

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Three digits. */
export const figure = (value: number): string => String(Number(value.toPrecision(3)));

/** A drawing that is readable on light and dark pages, with all its figures as text. */
export function drawing(description: string, panels: readonly Panel[]): string {
  const lines: string[] = [];
  let y = 8;
  const text = (x: number, what: string, attributes = "") =>
    lines.push(`<text x="${x}" y="${y + 15}"${attributes}>${escaped(what)}</text>`);
  for (const { title, bars } of panels) {
    const most = Math.max(...bars.map(({ value, limit = 0 }) => Math.max(value, limit)));
    const width = (value: number) => Number(((value / most) * BARS).toFixed(1));
    const box = (value: number, kind: string) =>
      lines.push(`<rect x="${LABELS}" y="${y + 3}" width="${width(value)}" height="15" class="${kind}"/>`);
    text(8, title, ' class="title"');
    y += ROW + 4;
    for (const { label, value, limit, strong, note } of bars) {
      text(LABELS - 8, label, ' text-anchor="end"');
      box(value, strong ? "strong" : "bar");
      if (limit !== undefined) box(limit, "limit");
      const end = LABELS + width(Math.max(value, limit ?? 0)) + 6;
      const number = figure(value === 0 && limit !== undefined ? limit : value);
      text(end, note ? `${number}  ${note}` : number, ' class="note"');
      y += ROW;
    }
    y += 14;
  }
  const size = `width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}"`;
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${escaped(description)}">`;
  return `${head}\n<style>${STYLE}</style>\n${lines.join("\n")}\n</svg>\n`;
}
