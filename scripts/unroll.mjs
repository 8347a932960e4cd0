// Loops of kernels that are written out before they are compiled: those whose first line ends in "// unrolled". Neither Binaryen nor V8 does it
// for a whole loop, and V8 does not fold a counter into the addresses of loads; a number it does.

/** The line that begins such a loop: its indentation, its counter and its bounds. */
const LOOP = /^( *)for \(let (\w+) = (\d+); \2 < (\d+); \2\+\+\) \{ \/\/ unrolled$/;

/**
 * A source with the bodies of its unrolled loops in a row, each in a block, with a number in place of the counter.
 * @param text as Biome formats it: a loop ends with the first `}` that is indented as its beginning
 */
export function unroll(text) {
  const out = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const loop = LOOP.exec(lines[at]);
    if (!loop) {
      out.push(lines[at]);
      continue;
    }
    const [, indent, counter, from, to] = loop;
    const end = lines.indexOf(`${indent}}`, at);
    const body = unroll(lines.slice(at + 1, end).join("\n"));
    const name = new RegExp(`\\b${counter}\\b`, "g");
    for (let i = Number(from); i < Number(to); i++) out.push(`${indent}{`, body.replace(name, `${i}`), `${indent}}`);
    at = end;
  }
  return out.join("\n");
}
