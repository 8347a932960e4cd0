import type { WasmBuild } from "../../src/kernels/index.ts";
import { type DotForm, FORM } from "../../src/kernels/simd.ts";
import type { Arena } from "../../src/tensor/index.ts";
import { assemble } from "../assemble.ts";

/** The two limits of a linear layer, as work for a stopwatch. */
export interface Probe {
  /** Reads bytes of the arena in order: as one stream, or as four. */
  stream(streams: 1 | 4, ptr: number, bytes: number): void;
  /** Nothing but vector products from the first-level cache, 8 KiB at ptr, of which the last two are written, in a form of the int8 dot product; returns the number of multiply-adds. */
  dots(form: DotForm, ptr: number, n: number): number;
}

/** Multiply-adds of {@link Probe.dots}. */
export const dotMacs = (form: DotForm, n: number): number => n * 64 * 12 * (form === "pairs" ? 8 : 16);

export const PROBE_SOURCE = "bench/probe/wasm/limits.ts";

/** Where its static data lies: below the library's, above that of the ladder's rungs, which work in the same arenas. */
const BASE = 14 << 10;

/** Compiles bench/probe/wasm/limits.ts as the library's kernels are, and binds it to an arena. */
export async function bindProbe(arena: Arena, build: WasmBuild): Promise<Probe> {
  const module = new WebAssembly.Module(await assemble(PROBE_SOURCE, build, { base: BASE }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory: arena.memory as WebAssembly.Memory } });
  const { streamOne, streamFour, dots } = exports as Record<string, (...args: number[]) => number>;
  return {
    stream: (streams, ptr, bytes) => void (streams === 1 ? streamOne : streamFour)(ptr, bytes),
    dots(form, ptr, n) {
      dots(ptr, n, FORM[form]);
      return dotMacs(form, n);
    },
  };
}
