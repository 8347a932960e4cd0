import { createKernels, type Kernels } from "../src/kernels/index.ts";
import { Arena, Tensor, type TypedArray } from "../src/tensor/index.ts";
import { KINDS } from "../test/kernels/kinds.ts";
import { randomFloats } from "../test/random.ts";
import { compare, type Work } from "./compare.ts";

/** Sizes of Phi-4-mini, in the letters of kernels.ts. */
export const PHI4_MINI = { D: 3072, H: 24, K: 8, dh: 128, R: 96, F: 8192, V: 200064 } as const;

/** An arena of `megabytes` with all kinds of kernels, for benches of one operation. */
export class Both {
  readonly arena: Arena;
  readonly #kernels: readonly Kernels[];

  constructor(megabytes: number) {
    this.arena = new Arena(megabytes << 20);
    this.#kernels = KINDS.map((kind) => createKernels(this.arena, kind));
  }

  /** A tensor of random float32. */
  random(shape: readonly number[], scale = 1): Tensor {
    const t = Tensor.alloc(this.arena, "f32", shape);
    t.f32.set(randomFloats(t.size, t.size, scale));
    return t;
  }

  /** Sees that all kinds give `out` the same values, within `bound` relative to the greatest of them, then times `run`. */
  async time(title: string, work: Work, out: Tensor, bound: number, run: (kernels: Kernels) => void): Promise<void> {
    const before = out.data.slice();
    const results = this.#kernels.map((kernels) => {
      (out.data as TypedArray).set(before);
      run(kernels);
      return out.data.slice();
    });
    const [expected, ...others] = results.map((data) => Array.from(data));
    const most = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    for (const got of others) {
      expected.forEach((v, i) => {
        if (!(Math.abs(v - got[i]) <= bound * most)) throw new Error(`${title}: [${i}] is ${got[i]}, reference ${v}`);
      });
    }
    await compare(title, work, Object.fromEntries(this.#kernels.map((k) => [k.kind, () => run(k)])));
  }
}
