// The rungs of the q4 linear layer, in turn with each other and with the probes of both limits: one token, whose weights come from memory, and
// 32 tokens, whose weights stay in the caches.
//   npm run bench -- ladder [--save] [--note TEXT]
import { parseArgs } from "node:util";
import { allocInt8Rows, createKernels } from "../../src/kernels/index.ts";
import type { DotForm } from "../../src/kernels/simd.ts";
import { allocMatrix, type PackedMatrix, packedBytes, ROWS } from "../../src/quant/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { BUILDS, FORMS } from "../../test/kernels/kinds.ts";
import { randomMatrix } from "../../test/kernels/matrices.ts";
import { randomFloats } from "../../test/random.ts";
import { alternate, quantile } from "../alternate.ts";
import { OPTIONS } from "../args.ts";
import { hugePageBytes, machine, watchOthers } from "../machine.ts";
import { bindProbe, dotMacs } from "../probe/probe.ts";
import { type Ladder, type Rates, save } from "../result.ts";
import { bindRungs, type Rung } from "./rungs.ts";

const { values: given } = parseArgs({
  args: [...OPTIONS],
  options: { save: { type: "boolean" }, note: { type: "string" } },
});

const C = 3072;
const BLOCK = packedBytes("q4", ROWS, C);
/** Eight rows each, in 272 MB: more than caches hold. */
const BLOCKS = Math.floor((272 << 20) / BLOCK);
const ROUNDS = 60;

const arena = new Arena(BLOCKS * BLOCK + (24 << 20), { name: "ladder" });
const matrix = allocMatrix(arena, "q4", BLOCKS * ROWS, C);
const first = randomMatrix(arena, "q4", 512, C, 1).matrix;
for (let at = 0; at < matrix.byteLength; at += first.byteLength) {
  const bytes = Math.min(first.byteLength, matrix.byteLength - at);
  new Uint8Array(arena.buffer).copyWithin(matrix.ptr + at, first.ptr, first.ptr + bytes);
}
const kernels = createKernels(arena, "strict");
const [one, many] = [1, 32].map((T) => {
  const x = Tensor.alloc(arena, "f32", [T, C]);
  x.f32.set(randomFloats(T, T * C));
  const rows = allocInt8Rows(arena, T, C);
  kernels.quantizeActivations(rows, x);
  return rows;
});
const room = Tensor.alloc(arena, "f32", [1 << 20]);

/** A rung on `blocks` blocks of the matrix from `block` on; returns what it computed. */
function run(rung: Rung, x: typeof one, block: number, blocks: number): Tensor {
  const [rows, byteLength] = [blocks * ROWS, blocks * BLOCK];
  const out = new Tensor(arena, room.ptr, "f32", [x.rows, rows]);
  const weight: PackedMatrix = { ...matrix, ptr: matrix.ptr + block * BLOCK, rows, byteLength };
  rung.run(out, x, weight);
  return out;
}

let cursor = 0;
/** Where the next part begins: far from the one before. */
function next(blocks: number): number {
  cursor += 7;
  return (cursor % Math.floor(BLOCKS / blocks)) * blocks;
}

/** Blocks that a rung does in about a millisecond. */
function blocksOf(rung: Rung, x: typeof one): number {
  const most = room.size / (2 * ROWS * x.rows);
  for (let blocks = 1; ; blocks *= 2) {
    const times = [1, 2, 3].map(() => {
      const start = performance.now();
      run(rung, x, next(blocks), blocks);
      return performance.now() - start;
    });
    if (Math.min(...times) > 0.7 || blocks > most) return blocks;
  }
}

const rungs = await bindRungs(arena);

/** GMAC/s of all rungs that take so many tokens, by name, and of the limits beside them: [median, best tenth]. */
function measure(x: typeof one, limits: Record<string, { run: () => void; amount: number }>): Record<string, Rates> {
  const T = x.rows;
  const taking = rungs.filter(({ tokens }) => tokens.includes(T === 1 ? "one" : "fours"));
  for (const rung of taking) for (let i = 0; i < 20; i++) run(rung, x, 0, 1); // to be compiled well
  const amounts = Object.fromEntries(Object.entries(limits).map(([name, { amount }]) => [name, amount]));
  const runs: Record<string, () => void> = Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => [name, limit.run]),
  );
  const expected = resultOf(taking[taking.length - 1], x);
  for (const rung of taking) {
    // The definition sums in float64 and has other bits.
    if (rung !== rungs[0] && resultOf(rung, x) !== expected) throw new Error(`${rung.name}: other bits`);
    const blocks = blocksOf(rung, x);
    amounts[rung.name] = blocks * ROWS * C * T;
    runs[rung.name] = () => void run(rung, x, next(blocks), blocks);
  }
  const times = alternate(runs, ROUNDS);
  const rate = (name: string, q: number) => +(amounts[name] / quantile(times[name], q) / 1e6).toPrecision(3);
  return Object.fromEntries(Object.keys(runs).map((name) => [name, [rate(name, 0.5), rate(name, 0.1)] as Rates]));
}

const resultOf = (rung: Rung, x: typeof one): string => Array.from(run(rung, x, 0, 4).f32).join();

const probe = await bindProbe(arena, BUILDS[0]);
const BYTES = 4 << 20;
const stream = (streams: 1 | 4) => ({
  run: () => probe.stream(streams, matrix.ptr + next(Math.ceil(BYTES / BLOCK)) * BLOCK, BYTES),
  amount: BYTES,
});
const dotForms = [...new Set(FORMS.map(({ form }) => form))];
const dots = (form: DotForm) => ({
  run: () => void probe.dots(form, room.ptr, 2000),
  amount: dotMacs(form, 2000),
});

const others = watchOthers();
const decode = measure(one, { "stream of 1": stream(1), "stream of 4": stream(4) });
const prompt = measure(many, Object.fromEntries(dotForms.map((form) => [`dot products, ${form}`, dots(form)])));
const hugePages = hugePageBytes() > matrix.byteLength / 2;
/** Bytes of weights for each multiply-add of one token. */
const BYTES_PER_MAC = BLOCK / (ROWS * C);
const inGB = ([median, best]: Rates): Rates => [gb(median), gb(best)];
const gb = (gmac: number): number => +(gmac * BYTES_PER_MAC).toPrecision(3);
const result: Ladder = {
  bench: "ladder",
  ...machine(),
  hugePages,
  others: others(),
  note: given.note,
  limits: Object.fromEntries(
    [...Object.entries(decode), ...Object.entries(prompt)].filter(([name]) => /stream of|products/.test(name)),
  ),
  rungs: rungs.map(({ name }) => ({
    name,
    gbPerS: decode[name] && inGB(decode[name]),
    gmacPerS: decode[name],
    gmacPerS32: prompt[name],
  })),
};
console.log(
  `\nq4 × int8, C = ${C}, ${hugePages ? "huge pages" : "pages of 4 KiB"}, medians (best tenth of the rounds)`,
);
const shown = (rates: Rates | undefined) => (rates ? `${rates[0]} (${rates[1]})` : "–");
console.table(Object.fromEntries(Object.entries(result.limits).map(([name, rates]) => [name, shown(rates)])));
console.table(
  result.rungs.map(({ name, gbPerS, gmacPerS, gmacPerS32 }) => ({
    rung: name,
    "T = 1 GB/s": shown(gbPerS),
    "T = 1 GMAC/s": shown(gmacPerS),
    "T = 32 GMAC/s": shown(gmacPerS32),
  })),
);
if (given.save) save("ladder", result);
