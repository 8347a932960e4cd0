import { ShapeError } from "../errors.ts";
import { int4Shape } from "../quant/int4/index.ts";
import { GROUP, groupsOf, isKFormat, K_LAYOUT } from "../quant/packed-matrix.ts";
import type { Arena } from "../tensor/arena.ts";
import type { RestOperations } from "./kernels.ts";
import { operandChecks } from "./operand-checks.ts";

/** Bytes of ggml's blocks of 32 weights that a format takes: Q4_0; Q8_0, Q5_0 and IQ4_NL. */
const PLAIN_BLOCK_BYTES = { q4: [18], q8: [34, 22, 18] } as const;

/** What checked.ts does for the core's operations, for the others. @throws ShapeError, alike */
export function checkedRest(arena: Arena, ops: RestOperations): RestOperations {
  const { here, is, rank, block, inRows, within, epsilon, positive } = operandChecks(arena);

  return {
    addLowRank(out, row, u, at, b, scale) {
      const [T, N] = rank("addLowRank", "out", out, 2);
      const [, R] = rank("addLowRank", "u", u, 2);
      is("addLowRank", "out", out, [T, N]);
      is("addLowRank", "u", u, [T, R]);
      here("addLowRank", "B", b.arena);
      within("addLowRank", "rows of out", row, b.rows, N);
      within("addLowRank", "columns of u", at, b.rank, R);
      if (!Number.isFinite(scale))
        throw new ShapeError({ what: "addLowRank: scale", got: scale, expected: "a number" });
      ops.addLowRank(out, row, u, at, b, scale);
    },
    layernorm(out, x, weight, bias, eps) {
      const [T, D] = rank("layernorm", "x", x, 2);
      is("layernorm", "x", x, [T, D]);
      is("layernorm", "out", out, [T, D]);
      is("layernorm", "weight", weight, [D]);
      is("layernorm", "bias", bias, [D]);
      epsilon("layernorm", eps);
      ops.layernorm(out, x, weight, bias, eps);
    },
    softmax(out, x) {
      const [T, N] = rank("softmax", "x", x, 2);
      is("softmax", "x", x, [T, N]);
      is("softmax", "out", out, [T, N]);
      positive("softmax", "row length", N);
      ops.softmax(out, x);
    },
    addBias(out, x, bias) {
      const [T, N] = rank("addBias", "x", x, 2);
      is("addBias", "x", x, [T, N]);
      is("addBias", "out", out, [T, N]);
      is("addBias", "bias", bias, [N]);
      ops.addBias(out, x, bias);
    },
    addRows(out, ids, x, weights) {
      const [n, D] = rank("addRows", "x", x, 2);
      const [T] = rank("addRows", "out", out, 2);
      is("addRows", "x", x, [n, D]);
      is("addRows", "out", out, [T, D]);
      is("addRows", "ids", ids, [n], ["i32"]);
      is("addRows", "weights", weights, [n]);
      inRows("addRows", ids, T);
      ops.addRows(out, ids, x, weights);
    },
    permute(out, x, order) {
      const [T, C] = rank("permute", "x", x, 2);
      is("permute", "x", x, [T, C]);
      is("permute", "out", out, [T, C]);
      is("permute", "order", order, [C], ["i32"]);
      inRows("permute", order, C);
      if (out.ptr === x.ptr) throw new ShapeError({ what: "permute: out is x" });
      ops.permute(out, x, order);
    },
    geglu(out, x, limit) {
      const [T, F] = rank("geglu", "out", out, 2);
      is("geglu", "out", out, [T, F]);
      is("geglu", "x", x, [T, 2 * F]);
      positive("geglu", "limit", limit);
      ops.geglu(out, x, limit);
    },
    gelu(out, x, form) {
      is("gelu", "out", out, x.shape);
      is("gelu", "x", x, x.shape);
      if (form !== "tanh" && form !== "erf")
        throw new ShapeError({ what: "gelu: form", got: form, expected: '"tanh" or "erf"' });
      ops.gelu(out, x, form);
    },
    argmax(out, x) {
      const [T, V] = rank("argmax", "x", x, 2);
      is("argmax", "x", x, [T, V]);
      is("argmax", "out", out, [T], ["i32"]);
      positive("argmax", "row length", V);
      ops.argmax(out, x);
    },
    topk(ids, values, x) {
      const [T, V] = rank("topk", "x", x, 2);
      const k = rank("topk", "ids", ids, 2)[1];
      is("topk", "x", x, [T, V]);
      is("topk", "ids", ids, [T, k], ["i32"]);
      is("topk", "values", values, [T, k]);
      if (k < 1 || k > V) throw new ShapeError({ what: "topk: k", got: k, expected: `1 … ${V}` });
      ops.topk(ids, values, x);
    },
    repackRows(matrix, row, src) {
      const [n] = rank("repackRows", "src", src, 2);
      const { format, cols } = matrix;
      if (format === "f32" || format === "q4z")
        throw new ShapeError({ what: "repackRows: the matrix should be q4, q8 or in a K-format", got: format });
      const widths = isKFormat(format)
        ? K_LAYOUT[format].blocks.map((bytes) => (cols / K_LAYOUT[format].span) * bytes)
        : PLAIN_BLOCK_BYTES[format].map((bytes) => groupsOf(cols) * bytes);
      is("repackRows", "src", src, [n, widths.find((width) => width === src.shape[1]) ?? widths[0]], ["u8"]);
      block("repackRows", matrix, row, n, true);
      return ops.repackRows(matrix, row, src);
    },
    repackInt4(matrix, layout, at, src, places) {
      const { rows: N, cols: C, format } = matrix;
      here("repackInt4", "the matrix", matrix.arena);
      if (format !== "q4" && format !== "q4z")
        throw new ShapeError({ what: "repackInt4: the matrix should be q4 or q4z", got: format });
      const whole = int4Shape(layout, [N, C]);
      const [n] = rank("repackInt4", "src", src, 2);
      is("repackInt4", "src", src, [n, whole[1]], ["i32"]);
      const eights = layout === "gptq" ? 1 : 8;
      if (layout !== "pack-quantized" && (N % 8 !== 0 || C % GROUP !== 0))
        throw new ShapeError({ what: `repackInt4: ${layout}`, got: [N, C], expected: "outputs by 8, inputs by 32" });
      if (!(at >= 0 && at % eights === 0 && at + n <= whole[0] && (n % eights === 0 || at + n === whole[0])))
        throw new ShapeError({ what: `repackInt4: rows ${at} to ${at + n} of ${whole[0]}, by ${eights}` });
      if (places) {
        is("repackInt4", "places", places, [C], ["i32"]);
        inRows("repackInt4", places, C);
        if (layout === "awq") throw new ShapeError({ what: "repackInt4: AWQ keeps its inputs where they are" });
      }
      ops.repackInt4(matrix, layout, at, src, places);
    },
    unpackRows(out, matrix, row) {
      const [n] = rank("unpackRows", "out", out, 2);
      is("unpackRows", "out", out, [n, matrix.cols]);
      block("unpackRows", matrix, row, n, false);
      ops.unpackRows(out, matrix, row);
    },
  };
}
