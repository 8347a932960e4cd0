import { eachSlice, groupsOf, packedBytes, ROWS } from "../quant/packed-matrix.ts";
import { type Crew, JOB, JOBS, type Job, type Workplace } from "./crew.ts";
import type { Operations } from "./kernels.ts";
import { blocksOf } from "./rest-simd.ts";
import { attentionUnits, type DotForm, DTYPES, FORM, FORMAT, linearUnits, patternOf, readsPairs } from "./simd.ts";

/** What is worth sharing, and the least that a thread claims; tests share everything, one unit at a time. */
export interface Limits {
  /** Products of a matrix or of attention: some microseconds of one thread. To tell the helpers and to hear from them takes about one. */
  readonly products: number;
  readonly leastProducts: number;
  /** Numbers that an operation goes through which does little with each. */
  readonly numbers: number;
  readonly leastNumbers: number;
}

const LIMITS: Limits = { products: 2 ** 17, leastProducts: 2 ** 16, numbers: 2 ** 14, leastNumbers: 2 ** 12 };

/**
 * The operations of one thread, of which the large ones become jobs of a crew: to the same bits, whoever does which units. What is small,
 * and what happens once a token, stays with the leader.
 */
export function sharedKernels(
  place: Workplace,
  alone: Operations,
  form: DotForm,
  crew: Crew,
  limits = LIMITS,
): Operations {
  const { arena } = place;
  const run = crew.open(place);
  const words = new Int32Array(arena.buffer, JOB.at, JOB.words);
  const f32 = new Float32Array(arena.buffer, JOB.at, JOB.words);
  const f64 = new Float64Array(arena.buffer, JOB.at, JOB.words / 2);

  /** Writes a job; floats among its operands are written behind it. `grain`: the fewest units that a thread claims. */
  const write = (job: Job, units: number, grain: number, ...operands: number[]) => {
    words[0] = JOBS[job];
    words[1] = units;
    words[2] = grain;
    words[3] = crew.threads;
    for (let i = 0; i < operands.length; i++) words[JOB.head + i] = operands[i];
  };
  /** Units of so many numbers that are worth claiming. */
  const grainOf = (width: number) => Math.ceil(limits.leastNumbers / width) || 1;
  /** Writes a job of T rows with so many numbers to each. */
  const writeRows = (job: Job, T: number, width: number, ...operands: number[]) =>
    write(job, T, grainOf(width), ...operands);
  const few = (T: number, width: number) => T < 2 || T * width < limits.numbers;

  return {
    ...alone,
    linear(out, x, weight) {
      const { rows: N, cols: C } = weight;
      const T = "q" in x ? x.rows : x.shape[0];
      if (T * N * C < limits.products) return alone.linear(out, x, weight);
      // One token takes blocks two by two.
      const pair = T === 1 ? 2 : 1;
      const grain = pair * Math.ceil(limits.leastProducts / (pair * ROWS * C * T)) || 1;
      eachSlice(weight, ({ ptr, format, rows }, row) => {
        const to = out.ptr + 4 * row;
        if ("q" in x) {
          const from = [x.q.ptr, x.pairs.ptr, x.scale.ptr, x.offset.ptr];
          const sizes = [FORMAT[format], T, N, groupsOf(C), FORM[form]];
          write("linearInt8", linearUnits(rows), grain, to, ...from, ptr, ...sizes);
        } else {
          write("linearF32", linearUnits(rows), grain, to, x.ptr, ptr, FORMAT[format], T, N, C);
        }
        run();
      });
    },
    addLowRank(out, row, u, at, b, scale) {
      const [T, N] = out.shape;
      const { rows: n, rank: r } = b;
      if (T * n * r < limits.products) return alone.addLowRank(out, row, u, at, b, scale);
      const grain = Math.ceil(limits.leastProducts / (ROWS * r * T)) || 1;
      write("addLowRank", linearUnits(n), grain, out.ptr + 4 * row, N, u.ptr + 4 * at, u.shape[1], b.ptr, T, n, r);
      f32[JOB.head + 8] = scale;
      run();
    },
    attention(out, qkv, cache, start, window, scale, pattern) {
      const [T, H, dh] = out.shape;
      const { k, v, scales, table } = cache;
      const [K, blocks] = k.shape;
      const units = attentionUnits(T, K);
      const seen = Math.min(start + T, window || Infinity);
      if (units < 2 || T * H * dh * seen < limits.products / 2)
        return alone.attention(out, qkv, cache, start, window, scale, pattern);
      const pools = [k.ptr, v.ptr, scales?.k.ptr ?? 0, scales?.v.ptr ?? 0, table.ptr];
      const sizes = [T, H, K, dh, start, window, 0, ...patternOf(pattern), blocks];
      write("attention", units, 1, out.ptr, qkv.ptr, ...pools, ...sizes);
      f32[JOB.head + 13] = scale;
      run();
    },
    packRows(matrix, row, src) {
      const { format, cols, ptr } = matrix;
      const [rows] = src.shape;
      if (rows <= ROWS || few(rows, cols)) return alone.packRows(matrix, row, src);
      const at = ptr + packedBytes(format, row, cols);
      const grain = grainOf(ROWS * cols);
      write("packRows", linearUnits(rows), grain, at, src.ptr, rows, cols, DTYPES.indexOf(src.dtype), FORMAT[format]);
      run();
    },
    repackRows(matrix, row, src) {
      const { format, cols, ptr } = matrix;
      const [rows] = src.shape;
      const blocks = blocksOf(format, cols);
      const size = src.shape[1] / blocks;
      // Blocks of Q4_0 and Q8_0 are moved as fast as a file is read, by a thread that is awake, and their scales are looked at meanwhile.
      const quick = format === "q4" || size === 34;
      if (rows <= ROWS || few(rows, cols) || quick) return alone.repackRows(matrix, row, src);
      const at = ptr + packedBytes(format, row, cols);
      const grain = grainOf(ROWS * cols);
      const bytes = [size, packedBytes(format, ROWS, cols)];
      write("repackRows", linearUnits(rows), grain, at, src.ptr, rows, blocks, FORMAT[format], ...bytes);
      run();
      return false;
    },
    quantizeActivations(rows, x, reader) {
      const { q, scale, offset, pairs, rows: T, cols: C } = rows;
      if (T <= 4 || few(T, C)) return alone.quantizeActivations(rows, x, reader);
      const grain = grainOf(4 * C);
      const to = [q.ptr, scale.ptr, offset.ptr, pairs.ptr];
      write("quantizeActivations", Math.ceil(T / 4), grain, ...to, x.ptr, T, C, Number(readsPairs(form, reader)));
      run();
    },
    rmsnorm(out, x, weight, eps) {
      const [T, D] = x.shape;
      if (few(T, D)) return alone.rmsnorm(out, x, weight, eps);
      writeRows("rmsnorm", T, D, out.ptr, x.ptr, weight.ptr, D);
      f64[JOB.head / 2 + 2] = eps;
      run();
    },
    rope(x, heads, cos, sin) {
      const [T, n, dh] = x.shape;
      if (few(T, n * dh)) return alone.rope(x, heads, cos, sin);
      writeRows("rope", T, n * dh, x.ptr, cos.ptr, sin.ptr, n, heads, dh, cos.shape[1]);
      run();
    },
    storeKV(cache, qkv, start) {
      const [T, n, dh] = qkv.shape;
      const { k, v, scales, table } = cache;
      const [K, blocks] = k.shape;
      if (few(T, 2 * K * dh)) return alone.storeKV(cache, qkv, start);
      const pools = [k.ptr, v.ptr, scales?.k.ptr ?? 0, scales?.v.ptr ?? 0, table.ptr];
      writeRows("storeKV", T, 2 * K * dh, ...pools, qkv.ptr, n - 2 * K, K, dh, start, blocks);
      run();
    },
    swiglu(out, gateUp) {
      const [T, F] = out.shape;
      if (few(T, F)) return alone.swiglu(out, gateUp);
      writeRows("swiglu", T, F, out.ptr, gateUp.ptr, F);
      run();
    },
    geglu(out, x, limit) {
      const [T, F] = out.shape;
      if (few(T, F)) return alone.geglu(out, x, limit);
      writeRows("geglu", T, F, out.ptr, x.ptr, F);
      f32[JOB.head + 3] = limit;
      run();
    },
    add(out, a, b) {
      const [T, D] = out.shape;
      if (out.shape.length !== 2 || few(T, D)) return alone.add(out, a, b);
      writeRows("add", T, D, out.ptr, a.ptr, b.ptr, D);
      run();
    },
  };
}
