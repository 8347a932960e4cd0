import { instantiate, moduleOf } from "../../src/kernels/wasm-module.ts";
import { exp } from "../../src/math/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { EVERY, place } from "./kinds.ts";

// The float32 exp inside softmax, attention, swiglu and gelu.
suite("kernels/exp (strict)", ({ test, assert }) => {
  const arena = new Arena(8 << 20);
  const wasm = instantiate(arena, "strict", moduleOf("strict", EVERY));
  const of = (values: ArrayLike<number>) => {
    const mark = arena.mark();
    const x = place(arena, [values.length], values);
    const out = Tensor.alloc(arena, "f32", [values.length]);
    wasm.exp(out.ptr, x.ptr, values.length);
    arena.release(mark);
    return out.f32.slice();
  };
  /** The gap between float32 numbers at |v|. */
  const ulp = (v: number) => Math.max(2 ** (Math.floor(Math.log2(v)) - 23), 2 ** -149);

  test("within 1 ulp of e^x over every 4099th float32, within 1.5 ulp where the result is denormal", () => {
    const bits = Uint32Array.from({ length: Math.floor(2 ** 32 / 4099) }, (_, i) => i * 4099);
    const all = new Float32Array(bits.buffer);
    for (let at = 0; at < all.length; at += 1 << 19) {
      const x = all.subarray(at, at + (1 << 19));
      const got = of(x);
      for (let i = 0; i < x.length; i++) {
        const value = exp(x[i]);
        if (!Number.isFinite(Math.fround(value))) {
          assert.equal(got[i], Math.fround(value), `exp(${x[i]})`);
        } else {
          const error = Math.abs(got[i] - value) / ulp(value);
          if (error > (value < 2 ** -126 ? 1.5 : 1)) assert.atMost(error, 1, `exp(${x[i]})`);
        }
      }
    }
  });

  test("±0, ±∞, NaN, the last finite result, the first ∞, denormals and the last one above 0", () => {
    const x = [0, -0, Infinity, -Infinity, NaN, 88.72283172607422, 88.72283935546875, -103.97207, -103.9721, -200, 200];
    const last = Math.fround(exp(Math.fround(88.72283172607422)));
    const got = [...of(x)];
    assert.atMost(Math.abs(got[5] / last - 1), 2 ** -23);
    got[5] = 1;
    assert.deepEqual(got, [1, 1, Infinity, 0, NaN, 1, Infinity, 2 ** -149, 0, 0, Infinity]);
  });

  test("the same bits in every lane and in the tail", () => {
    const values = [-0.1, -1.5, -87.4, 3.25, 88, -20.125, 0.001];
    const expected = values.map((v) => of([v])[0]);
    for (let shift = 0; shift < 7; shift++) {
      const turned = values.map((_, i) => values[(i + shift) % 7]);
      assert.deepEqual(
        [...of(turned)],
        turned.map((v) => expected[values.indexOf(v)]),
      );
    }
  });
});
