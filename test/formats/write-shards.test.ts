import { FormatError } from "../../src/errors.ts";
import {
  bytesSink,
  bytesSource,
  openSafetensors,
  type ShardEntry,
  writeSafetensors,
  writeShardedSafetensors,
} from "../../src/formats/safetensors/index.ts";
import { suite } from "../harness.ts";

const INDEX = "model.safetensors.index.json";

suite("safetensors/write shards", ({ test, assert }) => {
  const entries = (n: number): ShardEntry[] =>
    Array.from({ length: n }, (_, i) => ({
      name: `t${i}`,
      dtype: "F32",
      shape: [10],
      data: Float32Array.from({ length: 10 }, (_, j) => i + j),
    }));

  test("shards are filled in the order given up to maxShardBytes, named and indexed as transformers does", async () => {
    const files = new Map<string, Uint8Array>();
    const { totalBytes } = await writeShardedSafetensors(bytesSink(files), entries(5), {
      maxShardBytes: 80,
      metadata: { format: "pt" },
    });
    assert.equal(totalBytes, 200);
    assert.deepEqual([...files.keys()].sort(), [
      "model-00001-of-00003.safetensors",
      "model-00002-of-00003.safetensors",
      "model-00003-of-00003.safetensors",
      INDEX,
    ]);
    const index = JSON.parse(new TextDecoder().decode(files.get(INDEX)));
    assert.deepEqual(index.metadata, { total_parameters: 50, total_size: 200 });
    assert.deepEqual(index.weight_map.t4, "model-00003-of-00003.safetensors");
    const file = await openSafetensors(bytesSource(files));
    assert.deepEqual(
      await file.toFloat32("t3"),
      Float32Array.from({ length: 10 }, (_, j) => 3 + j),
    );
  });

  test("what fits one shard is model.safetensors without an index, equal to writeSafetensors; a tensor too large has its own shard", async () => {
    const files = new Map<string, Uint8Array>();
    await writeShardedSafetensors(bytesSink(files), entries(5));
    assert.deepEqual([...files.keys()], ["model.safetensors"]);
    assert.deepEqual(
      files.get("model.safetensors"),
      writeSafetensors(entries(5).map((e) => [e.name, { ...e, data: e.data as Float32Array }] as const)),
    );
    files.clear();
    await writeShardedSafetensors(bytesSink(files), entries(2), { maxShardBytes: 1 });
    assert.equal(files.size, 3);
  });

  test("data that come piece by piece, made in time or later, are written as they come, and progress counts them", async () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
    const now = function* () {
      for (let i = 0; i < 100; i += 30) yield bytes.subarray(i, i + 30);
    };
    const later = async function* () {
      yield* now();
    };
    const files = new Map<string, Uint8Array>();
    const seen: number[] = [];
    const spec = { dtype: "U8", shape: [4, 25] } as const;
    const list = [
      { name: "a", ...spec, data: now },
      { name: "b", ...spec, data: later },
    ];
    await writeShardedSafetensors(bytesSink(files), list, {
      onProgress: ({ written, total }) => seen.push(written, total),
    });
    const file = await openSafetensors(bytesSource(files));
    assert.deepEqual(await file.read("a"), bytes);
    assert.deepEqual(await file.read("b"), bytes);
    assert.deepEqual(
      seen,
      [30, 60, 90, 100, 130, 160, 190, 200].flatMap((n) => [n, 200]),
    );
  });

  test("too few or too many bytes of a tensor are a FormatError, and no index is left", async () => {
    for (const n of [9, 11]) {
      const files = new Map<string, Uint8Array>();
      const list: ShardEntry[] = [
        ...entries(1),
        { name: "bad", dtype: "U8", shape: [10], data: () => [new Uint8Array(n)] },
      ];
      const error = (await assert.rejects(
        () => writeShardedSafetensors(bytesSink(files), list, { maxShardBytes: 1 }),
        FormatError,
      )) as FormatError;
      assert.equal(error.code, "safetensors_size");
      assert.equal(error.tensor, "bad");
      assert.ok(!files.has(INDEX));
    }
  });

  test("what the format cannot hold is refused before anything is written", async () => {
    const [good] = entries(1);
    for (const bad of [good, { ...good, name: "x", shape: [11] }, { ...good, name: "__metadata__" }]) {
      const files = new Map<string, Uint8Array>();
      await assert.rejects(
        () => writeShardedSafetensors(bytesSink(files), [good, bad], { maxShardBytes: 1 }),
        FormatError,
      );
      assert.equal(files.size, 0);
    }
  });
});
