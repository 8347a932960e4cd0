// How much of two limits the q4 linear layer reaches: decoding (T = 1) of the memory's bandwidth, a prompt (T = 32) of the rate of the int8 dot
// product. The limits are measured in the same run, round by round (bench/probe). All forms of all builds run; the first is what "auto" takes.
import { chooseKernels } from "../../src/kernels/choose.ts";
import { allocInt8Rows } from "../../src/kernels/index.ts";
import { FORM, formsOf, linearUnits } from "../../src/kernels/simd.ts";
import { instantiate, moduleOf } from "../../src/kernels/wasm-module.ts";
import { allocMatrix, groupsOf, packedBytes, ROWS } from "../../src/quant/index.ts";
import { Arena, KERNEL_RESERVE, Tensor } from "../../src/tensor/index.ts";
import { BUILDS, bound, EVERY, FORMS, type Form } from "../../test/kernels/kinds.ts";
import { randomMatrix } from "../../test/kernels/matrices.ts";
import { randomFloats } from "../../test/random.ts";
import { alternate, quantile, type Times } from "../alternate.ts";
import { PHI4_MINI } from "../both.ts";
import { bindProbe, dotMacs } from "../probe/probe.ts";

const C = PHI4_MINI.D;
/** A matrix of more than any cache holds. Calls do parts of it, far apart. */
const BYTES = 272 << 20;
const N = Math.floor(BYTES / packedBytes("q4", ROWS, C)) * ROWS;
const [DECODE, PREFILL] = [8 << 20, 1 << 19].map((bytes) => Math.floor(bytes / packedBytes("q4", ROWS, C)));

/** 2500 · 64 · 12 vector products take about a millisecond. */
const DOTS = 2500;

const arena = new Arena(BYTES + 4 * N + (8 << 20), { name: "limits" });
const matrix = allocMatrix(arena, "q4", N, C);
const first = randomMatrix(arena, "q4", 1024, C, 1).matrix;
for (let at = 0; at < matrix.byteLength; at += first.byteLength) {
  const bytes = Math.min(first.byteLength, matrix.byteLength - at);
  new Uint8Array(arena.buffer).copyWithin(matrix.ptr + at, first.ptr, first.ptr + bytes);
}

const quantized = bound(FORMS[0], arena);
const [one, many] = [1, 32].map((T) => {
  const x = Tensor.alloc(arena, "f32", [T, C]);
  x.f32.set(randomFloats(T, T * C));
  const rows = allocInt8Rows(arena, T, C);
  quantized.quantizeActivations(rows, x);
  return rows;
});
const out = Tensor.alloc(arena, "f32", [Math.max(N, 32 * PREFILL * ROWS)]);

/** The export of a form, for `units` blocks of rows from `begin` of a matrix of that many. */
function part({ build, form }: Form, x: typeof one, units: number) {
  const wasm = instantiate(arena, build, moduleOf(build, EVERY));
  const operands = [x.q.ptr, x.pairs.ptr, x.scale.ptr, x.offset.ptr];
  return (begin: number) => {
    const w = matrix.ptr + begin * packedBytes("q4", ROWS, C);
    const sizes = [x.rows, units * ROWS, groupsOf(C)];
    wasm.linearInt8(out.ptr, ...operands, w, 2, ...sizes, FORM[form], KERNEL_RESERVE / 2, 0, units);
  };
}

/** Where the part of a round begins: parts of neighbouring rounds and forms lie far apart. */
let turn = 0;
function next(units: number): number {
  turn += 7;
  return (turn % Math.floor(linearUnits(N) / units)) * units;
}

const same = new Set(
  FORMS.map((form) => {
    part(form, one, PREFILL)(0);
    const hash = out.f32.subarray(0, PREFILL * ROWS).reduce((h, v) => Math.fround(h * 1.25 + v), 0);
    part(form, many, PREFILL)(0);
    return out.f32.subarray(0, 32 * PREFILL * ROWS).reduce((h, v) => Math.fround(h * 1.25 + v), hash);
  }),
);
if (same.size !== 1) throw new Error(`linear: forms differ: ${[...same]}`);

const probe = await bindProbe(arena, BUILDS[0]);
const bytes = DECODE * packedBytes("q4", ROWS, C);
const decode = alternate(
  {
    ...Object.fromEntries(
      FORMS.map((form) => {
        const run = part(form, one, DECODE);
        return [form.name, () => run(next(DECODE))];
      }),
    ),
    "stream 1": () => probe.stream(1, matrix.ptr + next(DECODE) * packedBytes("q4", ROWS, C), bytes & -256),
    "stream 4": () => probe.stream(4, matrix.ptr + next(DECODE) * packedBytes("q4", ROWS, C), bytes & -256),
  },
  100,
);
const dots = [...new Set(FORMS.map(({ form }) => form))];
const prefill = alternate(
  {
    ...Object.fromEntries(
      FORMS.map((form) => {
        const run = part(form, many, PREFILL);
        return [form.name, () => run(next(PREFILL))];
      }),
    ),
    ...Object.fromEntries(dots.map((form) => [`dot ${form}`, () => void probe.dots(form, out.ptr, DOTS)])),
  },
  100,
);

/** Rate at a quantile of the times. */
const rate = (times: Times, name: string, amount: number, q: number) => amount / quantile(times[name], q) / 1e6;
const macs = PREFILL * ROWS * C * 32;

for (const [what, q] of [
  ["medians", 0.5],
  ["best tenth of the rounds", 0.1],
] as const) {
  const stream = Math.max(...["stream 1", "stream 4"].map((name) => rate(decode, name, bytes, q)));
  const peaks = Object.fromEntries(dots.map((form) => [form, rate(prefill, `dot ${form}`, dotMacs(form, DOTS), q)]));
  const best = Math.max(...Object.values(peaks));
  console.log(
    `\nlinear q4 [·, ${C}], ${what}: stream ${stream.toFixed(1)} GB/s, dot products ${dots.map((form) => `${form} ${peaks[form].toFixed(1)}`).join(", ")} GMAC/s`,
  );
  console.table(
    FORMS.map((form) => {
      const gb = rate(decode, form.name, bytes, q);
      const gmac = rate(prefill, form.name, macs, q);
      return {
        form: form.name,
        "T = 1 GB/s": +gb.toFixed(1),
        "of stream": +(gb / stream).toFixed(2),
        "T = 32 GMAC/s": +gmac.toFixed(1),
        "of its dots": +(gmac / peaks[form.form]).toFixed(2),
        "of the best dots": +(gmac / best).toFixed(2),
      };
    }),
  );
}
const auto = chooseKernels("auto", EVERY).kind;
const taken =
  auto === "reference" ? auto : `${auto}, ${formsOf(auto, instantiate(arena, auto, moduleOf(auto, EVERY)))[0]}`;
console.log(`"auto" takes: ${taken}`);
