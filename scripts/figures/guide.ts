import { seesBlock } from "../../src/kernels/block-pattern.ts";
import { STYLE } from "./bars.ts";

/** Drawings of the guide's chapters: of what the definitions give, not of what was measured. */

const svg = (width: number, height: number, description: string, lines: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${description}">
<style>${STYLE}
  .hand { stroke: #2f7fd0; stroke-width: 3 }
</style>
${lines.join("\n")}
</svg>
`;

const round = (n: number): number => Number(n.toFixed(1));
const text = (x: number, y: number, what: string, attributes = ""): string =>
  `<text x="${x}" y="${y}"${attributes}>${what}</text>`;

/** Planes 0, 1 and 3 of a head with theta 10000 and R = 24, as hands of dials at positions 0 … 9. */
export function dials(): string {
  const [step, left, radius] = [64, 96, 24];
  const lines: string[] = [];
  for (let p = 0; p < 10; p++) lines.push(text(left + p * step, 20, String(p), ' text-anchor="middle" class="note"'));
  lines.push(text(8, 20, "position"));
  [0, 1, 3].forEach((plane, row) => {
    const y = 60 + row * 64;
    const frequency = 10000 ** ((-2 * plane) / 24);
    lines.push(text(8, y + 4, `plane ${plane}`));
    for (let p = 0; p < 10; p++) {
      const x = left + p * step;
      const angle = p * frequency;
      const end = [x + radius * Math.cos(angle), y - radius * Math.sin(angle)].map(round);
      lines.push(
        `<circle cx="${x}" cy="${y}" r="${radius}" class="limit"/>`,
        `<line x1="${x}" y1="${y}" x2="${end[0]}" y2="${end[1]}" class="hand"/>`,
      );
    }
  });
  return svg(760, 236, "Hands that turn by the position: plane 0 fastest", lines);
}

/** Which tokens each token sees through a window of 4, and from which it has heard after 3 layers. */
export function windowDrawing(): string {
  const [T, W, layers, cell] = [16, 4, 3, 20];
  const lines: string[] = [];
  const panel = (left: number, title: string, kind: (i: number, j: number) => string | undefined) => {
    lines.push(text(left, 20, title, ' class="title"'));
    for (let i = 0; i < T; i++) {
      for (let j = 0; j < T; j++) {
        const box = `x="${left + j * cell}" y="${32 + i * cell}" width="${cell - 2}" height="${cell - 2}"`;
        lines.push(`<rect ${box} class="${kind(i, j) ?? "limit"}"/>`);
      }
    }
  };
  const sees = (i: number, j: number) => j <= i && i - j < W;
  panel(8, "one layer: sees", (i, j) => (sees(i, j) ? "strong" : undefined));
  panel(400, "three layers: has heard of", (i, j) =>
    sees(i, j) ? "strong" : j <= i && i - j <= layers * (W - 1) ? "bar" : undefined,
  );
  return svg(
    760,
    32 + T * cell,
    "A window of 4: what each of 16 tokens sees, and what it has heard of after 3 layers",
    lines,
  );
}

/** Which blocks of keys the queries of 14 blocks see in three heads, with 2 local blocks and a stride of 4. */
export function blocksparse(): string {
  const [blocks, cell] = [14, 16];
  const lines: string[] = [];
  for (let h = 0; h < 3; h++) {
    const left = 8 + h * 248;
    lines.push(text(left, 20, `head ${h}`, ' class="title"'));
    for (let query = 0; query < blocks; query++) {
      for (let key = 0; key < blocks; key++) {
        const seen = key <= query && seesBlock({ size: 64, local: 2, stride: 4, step: 1 }, h, query, key);
        const kind = !seen ? "limit" : query - key < 2 ? "strong" : "bar";
        const box = `x="${left + key * cell}" y="${32 + query * cell}" width="${cell - 2}" height="${cell - 2}"`;
        lines.push(`<rect ${box} class="${kind}"/>`);
      }
    }
  }
  return svg(
    760,
    32 + blocks * cell,
    "Blocks that three heads see: two local ones, and every fourth, shifted by head",
    lines,
  );
}
