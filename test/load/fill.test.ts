import { FormatError, SourceError } from "../../src/errors.ts";
import { openSafetensors, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { createKernels, unpack } from "../../src/kernels/index.ts";
import type { Slot } from "../../src/load/allocate.ts";
import { fillWeights } from "../../src/load/fill.ts";
import { allocMatrix, type WeightFormat } from "../../src/quant/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
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

  /** The file of `weights`, whose reads of rows are noted; they take a while, as those of disks do. */
  async function noted(events: string[], fail = Infinity) {
    const bytes = writeSafetensors({ w: { dtype: "F32", shape: [N, C], data: weights } });
    const files = await openSafetensors(bytes);
    let reads = 0;
    const readInto: typeof files.readInto = async (name, offset, into) => {
      const read = reads++;
      events.push(`read ${read}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (read >= fail) throw new SourceError({ what: `read ${read} failed` });
      await files.readInto(name, offset, into);
      events.push(`here ${read}`);
      return into;
    };
    return { ...files, readInto };
  }

  test("a block is read while the one before it is packed, one at a time, each byte once; the bytes told add up to the tensor", async () => {
    const events: string[] = [];
    let told = 0;
    const slot = slotOf("q4");
    await fillWeights(await noted(events), [slot], {
      onBlock: (_file, _tensor, bytes) => {
        told += bytes;
        events.push("placed");
      },
    });
    // 5 blocks of 8 rows, since half of the staging area holds as many.
    const between = [1, 2, 3, 4].flatMap((i) => [`here ${i - 1}`, `read ${i}`, "placed"]);
    assert.deepEqual(events, ["read 0", ...between, "here 4", "placed"]);
    assert.equal(told, N * C * 4);
    const whole = slotOf("q4");
    const src = Tensor.alloc(whole.stage.arena, "f32", [N, C]);
    src.f32.set(weights);
    whole.stage.kernels.packRows(whole.matrix, 0, src);
    assert.deepEqual(unpack(slot.matrix).f32, unpack(whole.matrix).f32);
  });

  test("a failed read, an abort, and an error while the next block is on its way each end the filling with their own reason", async () => {
    const files = await noted([], 2);
    await assert.rejects(fillWeights(files, [slotOf("q8")]), SourceError, /read 2 failed/);
    const reason = new Error("enough");
    const control = new AbortController();
    const onBlock = () => control.abort(reason);
    const aborted = fillWeights(await noted([], 1), [slotOf("q8")], { signal: control.signal, onBlock });
    assert.equal(await assert.rejects(aborted, Error), reason);
    // The read that is on its way fails afterwards, when nobody waits for it: an unhandled rejection would end the run.
    const thrown = fillWeights(await noted([], 1), [slotOf("q8")], {
      onBlock: () => {
        throw reason;
      },
    });
    assert.equal(await assert.rejects(thrown, Error), reason);
    await new Promise((resolve) => setTimeout(resolve, 20));
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
