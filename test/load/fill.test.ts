import { FormatError, SourceError } from "../../src/errors.ts";
import { openSafetensors, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { createKernels, unpack } from "../../src/kernels/index.ts";
import type { Slot } from "../../src/load/allocate.ts";
import { fillWeights } from "../../src/load/fill.ts";
import type { WeightFiles } from "../../src/load/weight-files.ts";
import { allocMatrix, type WeightFormat } from "../../src/quant/index.ts";
import { Arena, Tensor } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";

const [N, C] = [40, 64];

/** A slot for one matrix [40, 64], filled through a staging area of 24 rows. */
function slotOf(format: WeightFormat): Slot {
  const arena = new Arena(1 << 18);
  const matrix = allocMatrix(arena, format, N, C);
  const staging = { ptr: arena.alloc(24 * C * 4), bytes: 24 * C * 4 };
  const stage = { arena, kernels: createKernels(arena, "strict") } as Slot["stage"];
  return { spec: { name: "w" } as Slot["spec"], stage, matrix, staging };
}

async function filled(format: WeightFormat, weights: Float32Array): Promise<Float32Array> {
  const bytes = writeSafetensors({ w: { dtype: "F32", shape: [N, C], data: weights } });
  const slot = slotOf(format);
  await fillWeights(await openSafetensors(bytes), [slot]);
  return unpack(slot.matrix).f32;
}

/** Blocks of a GGUF file: any bytes but for the halves of a float16 that could be infinite, whose exponents are kept small. */
function randomBytes(n: number, blockBytes: number): Uint8Array {
  const out = Uint8Array.from(randomFloats(7, n, 1), (x) => x * 1000);
  const scale = blockBytes === 210 ? 208 : 0;
  for (let at = scale; at < n; at += blockBytes) out[at + 1] = 0x2c;
  return out;
}

suite("load/fill", ({ test, assert }) => {
  const weights = randomFloats(1, N * C, 0.02);

  test("a matrix streamed in blocks of 8 rows equals the file: f32 exactly, q8 within max|w| / 250", async () => {
    assert.deepEqual([...(await filled("f32", weights))], [...weights]);
    assert.close(await filled("q8", weights), weights, Math.max(...weights.map(Math.abs)) / 250);
  });

  /** The file of `weights`, whose reads of rows take a while, as those of disks do, and here the longer the sooner they begin. */
  async function slow(fail = Infinity) {
    const bytes = writeSafetensors({ w: { dtype: "F32", shape: [N, C], data: weights } });
    const files = await openSafetensors(bytes);
    let begun = 0;
    const readInto: typeof files.readInto = async (name, offset, into) => {
      const read = begun++;
      await new Promise((resolve) => setTimeout(resolve, 15 - 3 * read));
      if (read >= fail) throw new SourceError({ what: `read ${read} failed` });
      return files.readInto(name, offset, into);
    };
    return { files: { ...files, readInto }, begun: () => begun };
  }

  for (const [format, dtype, blockBytes, span] of [
    ["q4", "Q4_0", 18, 32],
    ["q8", "Q8_0", 34, 32],
    ["q6k", "Q6_K", 210, 256],
  ] as const) {
    test(`${dtype} rows that are read into the matrix behind their place become the bytes of one repacking, 8 rows after the last block or 3`, async () => {
      const cols = 1024;
      for (const tail of [8, 3]) {
        // Three blocks of 2 MiB that fit behind themselves, and what is left.
        const rowBytes = (cols / span) * blockBytes;
        const rows = 4 * Math.floor(2 ** 21 / rowBytes / 8) * 8 + tail;
        const file = randomBytes(rows * rowBytes, blockBytes);
        const arena = new Arena(3 * file.length + 2 ** 20);
        const stage = { arena, kernels: createKernels(arena, "strict") } as Slot["stage"];
        const src = Tensor.alloc(arena, "u8", [rows, rowBytes]);
        new Uint8Array(arena.buffer, src.ptr, file.length).set(file);
        const expected = allocMatrix(arena, format, rows, cols);
        stage.kernels.repackRows(expected, 0, src);
        const matrix = allocMatrix(arena, format, rows, cols);
        const staging = { ptr: arena.alloc(2 ** 18), bytes: 2 ** 18 };
        const bytesOf = ({ ptr, byteLength }: typeof matrix) => new Uint8Array(arena.buffer, ptr, byteLength);
        const blocks = { exact: format, toFloats() {} };
        const info = { name: "w", dtype, shape: [rows, cols], byteLength: file.length, file: "f", offset: 0, blocks };
        const inMatrix: boolean[] = [];
        const files = {
          tensors: new Map([["w", info]]),
          async readInto(_: string, offset: number, into: Uint8Array) {
            inMatrix.push(into.byteOffset >= matrix.ptr && into.byteOffset < matrix.ptr + matrix.byteLength);
            // The first of two is here after the second.
            await new Promise((resolve) => setTimeout(resolve, inMatrix.length % 2 ? 4 : 1));
            into.set(file.subarray(offset, offset + into.length));
            return into;
          },
        } as unknown as WeightFiles;
        await fillWeights(files, [{ spec: { name: "w" } as Slot["spec"], stage, matrix, staging }]);
        assert.deepEqual(inMatrix.slice(0, 4), [true, true, true, false]);
        assert.ok(inMatrix.length > 5 && !inMatrix.slice(4).includes(true));
        const right = bytesOf(expected);
        assert.equal(
          bytesOf(matrix).findIndex((byte, i) => byte !== right[i]),
          -1,
        );
      }
    });
  }

  for (const [row, col] of [
    [8, 64],
    [3 * 3640 + 5, 992],
  ])
    test(`a scale of a Q4_0 file that is not finite is refused by its tensor, row ${row} and columns ${col} to ${col + 31}`, async () => {
      const [cols, rows, rowBytes] = [1024, 4 * 3640, 32 * 18];
      const file = randomBytes(rows * rowBytes, 18);
      file.set([0, 0xfc], row * rowBytes + (col / 32) * 18);
      const arena = new Arena(file.length + 2 ** 20);
      const stage = { arena, kernels: createKernels(arena, "strict") } as Slot["stage"];
      const matrix = allocMatrix(arena, "q4", rows, cols);
      const staging = { ptr: arena.alloc(2 ** 18), bytes: 2 ** 18 };
      const blocks = { exact: "q4", toFloats() {} };
      const info = {
        name: "w",
        dtype: "Q4_0",
        shape: [rows, cols],
        byteLength: file.length,
        file: "f",
        offset: 0,
        blocks,
      };
      const files = {
        tensors: new Map([["w", info]]),
        readInto: async (_: string, offset: number, into: Uint8Array) => {
          into.set(file.subarray(offset, offset + into.length));
          return into;
        },
      } as unknown as WeightFiles;
      const filling = fillWeights(files, [{ spec: { name: "w" } as Slot["spec"], stage, matrix, staging }]);
      const where = new RegExp(`file f, tensor w: .*row ${row}, columns ${col} to ${col + 31}`);
      const error = await assert.rejects(filling, FormatError, where);
      assert.equal((error as FormatError).code, "non_finite_weight");
    });

  test("three blocks are on their way or being packed at a time, whichever is here first, each byte once; the bytes told add up to the tensor", async () => {
    const { files, begun } = await slow();
    const whenPlaced: number[] = [];
    let told = 0;
    const slot = slotOf("q4");
    await fillWeights(files, [slot], {
      onBlock: (_file, _tensor, bytes) => {
        told += bytes;
        whenPlaced.push(begun());
      },
    });
    // 5 blocks of 8 rows, since a third of the staging area holds as many; the fourth lies where the first one lay.
    assert.deepEqual(whenPlaced, [3, 4, 5, 5, 5]);
    assert.equal(told, N * C * 4);
    const whole = slotOf("q4");
    const src = Tensor.alloc(whole.stage.arena, "f32", [N, C]);
    src.f32.set(weights);
    whole.stage.kernels.packRows(whole.matrix, 0, src);
    assert.deepEqual(unpack(slot.matrix).f32, unpack(whole.matrix).f32);
  });

  test("a failed read, an abort, and an error while the next blocks are on their way each end the filling with their own reason", async () => {
    const { files } = await slow(2);
    await assert.rejects(fillWeights(files, [slotOf("q8")]), SourceError, /read 2 failed/);
    const reason = new Error("enough");
    const control = new AbortController();
    const onBlock = () => control.abort(reason);
    const aborted = fillWeights((await slow(1)).files, [slotOf("q8")], { signal: control.signal, onBlock });
    assert.equal(await assert.rejects(aborted, Error), reason);
    // Reads that are on their way fail afterwards, when nobody waits for them: an unhandled rejection would end the run.
    const thrown = fillWeights((await slow(1)).files, [slotOf("q8")], {
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
