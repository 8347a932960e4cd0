// The q4 linear layer, from the loop of its definition to what the library uses: each rung is one way to compute out [T, N] = x · Wᵀ, all to the
// same bits. docs/guide/02-one-kernel-from-loop-to-simd.md climbs it; test/bench/ladder.test.ts holds every rung to the definition.
import { createKernels, type Int8Rows, type WasmBuild } from "../../src/kernels/index.ts";
import { type DotForm, simdKernels } from "../../src/kernels/simd.ts";
import { instantiate, moduleOf } from "../../src/kernels/wasm-module.ts";
import { groupsOf, type PackedMatrix } from "../../src/quant/index.ts";
import type { Arena, Tensor } from "../../src/tensor/index.ts";
import { BUILDS, EVERY, FORMS } from "../../test/kernels/kinds.ts";
import { assemble } from "../assemble.ts";

export interface Rung {
  /** As the chapter and the table have it. */
  name: string;
  /** Numbers of tokens that it takes: T = 1, multiples of 4, or both. */
  tokens: readonly ("one" | "fours")[];
  run(out: Tensor, x: Int8Rows, weight: PackedMatrix): void;
}

type Exports = Record<string, (...args: number[]) => void>;

/** Static data of the rungs lies below that of the library, which begins at 16 KiB (scripts/build-wasm.mjs), so that all work in one memory. */
const BASE = { strict: 1024, relaxed: 8192 };

async function exportsOf(arena: Arena, build: WasmBuild): Promise<Exports> {
  const module = new WebAssembly.Module(await assemble(`bench/ladder/wasm/${build}.ts`, build, { base: BASE[build] }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory: arena.memory as WebAssembly.Memory } });
  return exports as Exports;
}

/** The rungs that this engine can run, from the lowest, bound to an arena. */
export async function bindRungs(arena: Arena): Promise<Rung[]> {
  const own = (exports: Exports, name: string, title: string, tokens: Rung["tokens"] = ["one", "fours"]): Rung => ({
    name: title,
    tokens,
    run(out, { q, pairs, scale, offset, rows: T }, { ptr, rows: N, cols: C }) {
      exports[name](out.ptr, q.ptr, pairs.ptr, scale.ptr, offset.ptr, ptr, T, N, groupsOf(C));
    },
  });
  const library = (build: WasmBuild, form: DotForm): Rung => {
    const { linear } = simdKernels(instantiate(arena, build, moduleOf(build, EVERY)), form);
    return { name: `library, ${form}`, tokens: ["one", "fours"], run: linear };
  };
  const right = (build: WasmBuild, form: DotForm) => FORMS.some((f) => f.build === build && f.form === form);

  const definition = createKernels(arena, "reference");
  const strict = await exportsOf(arena, "strict");
  const rungs = [
    own(strict, "scalar", "1 scalar loop"),
    own(strict, "extend", "2 eight rows, bytes to i16"),
    own(strict, "lanes", "3 a row in its lane"),
    own(strict, "lanesMask", "4 masks from memory"),
    own(strict, "pairs", "5 prepared activations", ["one"]),
  ];
  if (BUILDS.includes("relaxed")) {
    const relaxed = await exportsOf(arena, "relaxed");
    rungs.push(own(relaxed, "narrow", "6 bytes times nibbles, narrow"));
    if (right("relaxed", "wide")) rungs.push(own(relaxed, "wide", "6 bytes times nibbles, wide"));
    rungs.push(own(relaxed, "fourTokensNarrow", "7 four tokens, narrow", ["fours"]));
    if (right("relaxed", "wide")) rungs.push(own(relaxed, "fourTokensWide", "7 four tokens, wide", ["fours"]));
  }
  const forms = FORMS.filter(({ build, form }) => build === "strict" || form !== "pairs");
  return [
    { name: "0 definition, in TypeScript", tokens: ["one", "fours"], run: definition.linear },
    ...rungs,
    ...forms.map(({ build, form }) => library(build, form)),
  ];
}
