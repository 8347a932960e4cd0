import { FormatError } from "../../src/errors.ts";
import { openSafetensors, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { createKernels, unpack } from "../../src/kernels/index.ts";
import type { Slot } from "../../src/load/allocate.ts";
import { fillWeights } from "../../src/load/fill.ts";
import { allocMatrix, type WeightFormat } from "../../src/quant/index.ts";
import { Arena } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";

const [N, C] = [40, 64];

/** A slot for one matrix [40, 64], filled through a staging area of 16 rows. */
function slotOf(format: WeightFormat): Slot {
  const arena = new Arena(1 << 18);
  const matrix = allocMatrix(arena, format, N, C);
  const staging = { ptr: arena.alloc(16 * C * 4), bytes: 16 * C * 4 };
  const stage = { arena, kernels: createKernels(arena, "strict") } as Slot["stage"];
  return { spec: { name: "w" } as Slot["spec"], stage, matrix, staging };
}

async function filled(format: WeightFormat, weights: Float32Array): Promise<Float32Array> {
  const bytes = writeSafetensors({ w: { dtype: "F32", shape: [N, C], data: weights } });
  const slot = slotOf(format);
  await fillWeights(await openSafetensors(bytes), [slot]);
  return unpack(slot.matrix).f32;
}

suite("load/fill", ({ test, assert }) => {
  const weights = randomFloats(1, N * C, 0.02);

  test("a matrix streamed in blocks of 16 rows equals the file: f32 exactly, q8 within max|w| / 250", async () => {
    assert.deepEqual([...(await filled("f32", weights))], [...weights]);
    assert.close(await filled("q8", weights), weights, Math.max(...weights.map(Math.abs)) / 250);
  });

  test("q8 and q4 refuse infinities, NaN and huge weights by tensor, row and columns; f32 takes them as they are", async () => {
    for (const bad of [Number.NaN, Infinity, -Infinity, 1e30]) {
      const spoilt = weights.slice();
      spoilt[37 * C + 45] = bad;
      for (const format of ["q8", "q4"] as const) {
        const error = await assert.rejects(filled(format, spoilt), FormatError, /tensor w: .*row 37, columns 32 to 63/);
        assert.equal((error as FormatError).code, "non_finite_weight");
      }
      assert.deepEqual([...(await filled("f32", spoilt))], [...spoilt]);
    }
  });
});
