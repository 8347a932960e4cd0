import type { DType } from "./dtype.ts";

/** The name of the method that Node's REPL and console.log (and those of Bun and Deno) ask for a text. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** Above so many elements only the first and last three along each axis are printed. */
const MOST = 1000;
const EDGE = 3;

/**
 * A tensor as text, in the manner of NumPy: a line with dtype and shape, then the numbers in columns of equal width, brackets for axes.
 *
 *     f32 [2, 3]
 *     [[ 1.5   , -2.    ,  0.25  ],
 *      [ 0.3333,  4.    ,  1.    ]]
 *
 * @param number the i-th element, in memory order
 */
export function print(dtype: DType, shape: readonly number[], number: (i: number) => number): string {
  const size = shape.reduce((n, d) => n * d, 1);
  const head = `${dtype} [${shape.join(", ")}]`;
  if (size === 0) return `${head} empty`;
  const shown = shape.map((d) => indices(d, size > MOST));
  const offsets = shown.reduce<number[]>(
    (rows, list, axis) => rows.flatMap((row) => list.filter((i) => i >= 0).map((i) => row * shape[axis] + i)),
    [0],
  );
  const texts = format(offsets.map(number));
  const line = (axis: number, next: () => string): string => {
    if (axis === shape.length) return next();
    const parts = shown[axis].map((i) => (i < 0 ? "…" : line(axis + 1, next)));
    const between =
      axis === shape.length - 1 ? ", " : `,${"\n".repeat(shape.length - 1 - axis)}${" ".repeat(axis + 1)}`;
    return `[${parts.join(between)}]`;
  };
  let at = 0;
  return `${head}\n${line(0, () => texts[at++])}`;
}

/** The indices along an axis that are printed; -1 stands for those left out. */
function indices(d: number, elide: boolean): number[] {
  const all = Array.from({ length: d }, (_, i) => i);
  return elide && d > 2 * EDGE ? [...all.slice(0, EDGE), -1, ...all.slice(-EDGE)] : all;
}

/** Numbers with one form for all: integers, up to four decimals, or powers of ten where sizes differ too much; equally wide. */
function format(numbers: readonly number[]): string[] {
  const finite = numbers.filter(Number.isFinite);
  const sizes = finite.map(Math.abs).filter((x) => x > 0);
  const most = Math.max(...sizes, 0);
  const least = Math.min(...sizes, Infinity);
  let text: (x: number) => string;
  if (most >= 1e8 || (least < 1e-4 && sizes.length > 0) || most / least > 1e6) {
    text = (x) => x.toExponential(4);
  } else if (finite.every(Number.isInteger)) {
    text = (x) => String(x);
  } else {
    const decimals = Math.max(...finite.map((x) => x.toFixed(4).replace(/0+$/, "").split(".")[1].length), 1);
    text = (x) =>
      x
        .toFixed(4)
        .replace(/\.?0+$/, (zeros) => (zeros.startsWith(".") ? "." : ""))
        .padEnd(x.toFixed(decimals).length);
  }
  const texts = numbers.map((x) => (Number.isNaN(x) ? "nan" : Number.isFinite(x) ? text(x) : x > 0 ? "inf" : "-inf"));
  const width = Math.max(...texts.map((t) => t.length));
  return texts.map((t) => t.padStart(width));
}
