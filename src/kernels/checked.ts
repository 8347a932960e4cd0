import { ShapeError } from "../errors.ts";
import { isKFormat } from "../quant/packed-matrix.ts";
import type { Arena } from "../tensor/arena.ts";
import { patternFault } from "./block-pattern.ts";
import { type CoreOperations, KV_BLOCK, type Operations } from "./kernels.ts";
import { operandChecks } from "./operand-checks.ts";
import type { KernelRest } from "./wasm-module.ts";

/**
 * The same operations with their operands checked first, so that neither form of a kernel has to: a wrong pointer in WASM would
 * corrupt memory silently. Costs well under a microsecond a call.
 * @param rest undefined: nobody calls what is in it
 * @throws ShapeError (from every operation) that names the operation, the operand, what it is and what it should be
 */
export const checked = (arena: Arena, ops: Operations, rest?: KernelRest): Operations =>
  ({ ...checkedCore(arena, ops), ...rest?.checked(arena, ops) }) as Operations;

function checkedCore(arena: Arena, ops: CoreOperations): CoreOperations {
  const { here, is, rank, int8, cache, block, inRows, epsilon } = operandChecks(arena);

  return {
    embed(out, ids, table) {
      const [T] = rank("embed", "ids", ids, 1);
      here("embed", "table", table.arena);
      if (table.slices) throw new ShapeError({ what: "embed: a table whose rows have several formats" });
      is("embed", "out", out, [T, table.cols]);
      is("embed", "ids", ids, [T], ["i32"]);
      inRows("embed", ids, table.rows);
      ops.embed(out, ids, table);
    },
    rmsnorm(out, x, weight, eps) {
      const [T, D] = rank("rmsnorm", "x", x, 2);
      is("rmsnorm", "x", x, [T, D]);
      is("rmsnorm", "out", out, [T, D]);
      is("rmsnorm", "weight", weight, [D]);
      epsilon("rmsnorm", eps);
      ops.rmsnorm(out, x, weight, eps);
    },
    quantizeActivations(out, x, reader) {
      is("quantizeActivations", "x", x, [out.rows, out.cols]);
      int8("quantizeActivations", out);
      ops.quantizeActivations(out, x, reader);
    },
    linear(out, x, weight) {
      here("linear", "weight", weight.arena);
      if ("q" in x) {
        int8("linear", x);
        is("linear", "out", out, [x.rows, weight.rows]);
        if (x.cols !== weight.cols)
          throw new ShapeError({ what: "linear: inputs", got: x.cols, expected: weight.cols });
        if (weight.format === "f32") throw new ShapeError({ what: "linear: f32 weights take f32 activations" });
      } else {
        const [T] = rank("linear", "x", x, 2);
        is("linear", "x", x, [T, weight.cols]);
        is("linear", "out", out, [T, weight.rows]);
      }
      ops.linear(out, x, weight);
    },
    rope(x, heads, cos, sin) {
      const [T, n, dh] = rank("rope", "x", x, 3);
      const half = rank("rope", "cos", cos, 2)[1];
      is("rope", "x", x, [T, n, dh]);
      is("rope", "cos", cos, [T, half]);
      is("rope", "sin", sin, [T, half]);
      if (!(Number.isInteger(heads) && heads >= 0 && heads <= n))
        throw new ShapeError({ what: "rope: heads", got: heads, expected: `an integer, 0 … ${n}` });
      if (2 * half > dh) throw new ShapeError({ what: "rope: rotary dims", got: 2 * half, expected: `at most ${dh}` });
      ops.rope(x, heads, cos, sin);
    },
    storeKV(kv, qkv, start) {
      const [T, n, dh] = rank("storeKV", "qkv", qkv, 3);
      const K = kv.k.shape[0];
      is("storeKV", "qkv", qkv, [T, -2 * K, dh]);
      cache("storeKV", kv, K, dh, start, T);
      for (let i = Math.floor(start / KV_BLOCK); i * KV_BLOCK < start + T; i++) {
        const [block, blocks] = [kv.table.data[i], kv.k.shape[1]];
        if (block < 0 || block >= blocks)
          throw new ShapeError({ what: "storeKV: no such block", got: block, expected: `0 … ${blocks - 1}` });
      }
      if (n < 3 * K)
        throw new ShapeError({
          what: "storeKV: fewer query heads than key heads",
          got: n - 2 * K,
          expected: `at least ${K}`,
        });
      ops.storeKV(kv, qkv, start);
    },
    attention(out, qkv, kv, start, window, scale, pattern) {
      const [T, n, dh] = rank("attention", "qkv", qkv, 3);
      const K = kv.k.shape[0];
      const H = n - 2 * K;
      is("attention", "qkv", qkv, [T, n, dh]);
      is("attention", "out", out, [T, H, dh]);
      cache("attention", kv, K, dh, start, T);
      if (H < 1 || H % K !== 0)
        throw new ShapeError({ what: "attention: query heads", got: H, expected: `a multiple of ${K}` });
      if (!(Number.isInteger(window) && window >= 0 && window < 2 ** 31))
        throw new ShapeError({ what: "attention: window", got: window, expected: "an integer, 0 … 2^31 - 1" });
      const fault = pattern && patternFault(pattern);
      if (fault) throw new ShapeError({ what: "attention: pattern", ...fault });
      ops.attention(out, qkv, kv, start, window, scale, pattern);
    },
    add(out, a, b) {
      is("add", "out", out, a.shape);
      is("add", "a", a, a.shape);
      is("add", "b", b, a.shape);
      ops.add(out, a, b);
    },
    swiglu(out, gateUp) {
      const [T, F] = rank("swiglu", "out", out, 2);
      is("swiglu", "out", out, [T, F]);
      is("swiglu", "gateUp", gateUp, [T, 2 * F]);
      ops.swiglu(out, gateUp);
    },
    packRows(matrix, row, src) {
      if (isKFormat(matrix.format))
        throw new ShapeError({ what: "packRows: K-formats take blocks of a file only", got: matrix.format });
      if (matrix.format === "q4z") throw new ShapeError({ what: "packRows: no numbers are quantized to q4z" });
      const [n] = rank("packRows", "src", src, 2);
      is("packRows", "src", src, [n, matrix.cols], ["f32", "f16", "bf16"]);
      block("packRows", matrix, row, n, true);
      ops.packRows(matrix, row, src);
    },
  };
}
