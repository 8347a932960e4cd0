import { allocKVLayer, type Kernels, type KVFormat } from "../../src/kernels/index.ts";
import { type Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { bitsOf, hash } from "./compare.ts";
import { BUILDS, bench, place, placeRandom } from "./kinds.ts";

/** Attention of dh 128, and of dh 23 with a window of 70, over five blocks. */
function attend(arena: Arena, kernels: Kernels, format: KVFormat): Tensor[] {
  const [S, H, K] = [150, 6, 2];
  return [128, 23].map((dh, i) => {
    const cache = allocKVLayer(arena, format, 5, K, dh, place(arena, [5], [3, 1, 4, 0, 2], "i32"));
    const qkv = placeRandom(arena, 11, [S, H + 2 * K, dh]);
    const out = Tensor.alloc(arena, "f32", [S, H, dh]);
    kernels.storeKV(cache, qkv, 0);
    kernels.attention(out, qkv, cache, 0, i * 70, 1 / Math.sqrt(dh));
    return out;
  });
}

/** One call of each operation; what it leaves in the returned tensors is hashed. */
const CALLS: Readonly<Record<string, (arena: Arena, kernels: Kernels) => Tensor[]>> = {
  rmsnorm(arena, kernels) {
    const out = Tensor.alloc(arena, "f32", [3, 3077]);
    kernels.rmsnorm(out, placeRandom(arena, 1, [3, 3077]), placeRandom(arena, 2, [3077]), 1e-5);
    return [out];
  },
  layernorm(arena, kernels) {
    const out = Tensor.alloc(arena, "f32", [3, 2563]);
    kernels.layernorm(
      out,
      placeRandom(arena, 3, [3, 2563]),
      placeRandom(arena, 4, [2563]),
      placeRandom(arena, 5, [2563]),
      1e-5,
    );
    return [out];
  },
  rope(arena, kernels) {
    const x = placeRandom(arena, 6, [3, 5, 32]);
    kernels.rope(x, 4, placeRandom(arena, 7, [3, 15]), placeRandom(arena, 8, [3, 15]));
    return [x];
  },
  attention: (arena, kernels) => attend(arena, kernels, "f32"),
  "attention over int8": (arena, kernels) => attend(arena, kernels, "int8"),
  softmax(arena, kernels) {
    const out = Tensor.alloc(arena, "f32", [3, 4099]);
    kernels.softmax(out, placeRandom(arena, 12, [3, 4099], 3));
    return [out];
  },
  swiglu(arena, kernels) {
    const out = Tensor.alloc(arena, "f32", [3, 4099]);
    kernels.swiglu(out, placeRandom(arena, 13, [3, 8198], 4));
    return [out];
  },
  geglu(arena, kernels) {
    const out = Tensor.alloc(arena, "f32", [3, 4099]);
    kernels.geglu(out, placeRandom(arena, 15, [3, 8198], 4), 3);
    return [out];
  },
  gelu(arena, kernels) {
    return (["tanh", "erf"] as const).map((form) => {
      const x = placeRandom(arena, 14, [8195], 4);
      kernels.gelu(x, x, form);
      return x;
    });
  },
};

/** These bits are a promise to users (same model, prompt and seed: same answer). A change of one of them is a change of the library's numbers. */
const HASHES: Readonly<Record<string, string>> = {
  rmsnorm: "d1a74378",
  layernorm: "53adb6c3",
  rope: "b865a50e",
  attention: "6ff14c95",
  "attention over int8": "92ff2a6f",
  softmax: "04464362",
  swiglu: "e81d6767",
  geglu: "8118743f",
  gelu: "672e572e",
};

suite("kernels: same bits on every engine", ({ test, assert }) => {
  for (const [name, call] of Object.entries(CALLS)) {
    for (const build of BUILDS)
      test(`${build} ${name} has the bits ${HASHES[name]}`, () => {
        const { arena, kernels } = bench(build, 8);
        const bits = call(arena, kernels).map(bitsOf);
        const all = new Int32Array(bits.reduce((n, b) => n + b.length, 0));
        let at = 0;
        for (const b of bits) {
          all.set(b, at);
          at += b.length;
        }
        assert.equal(hash(all), HASHES[name]);
      });
  }
});
