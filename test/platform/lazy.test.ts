import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { craft, entry } from "../formats/craft.ts";
import { suite } from "../harness.ts";

suite("safetensors/lazy", ({ test, assert }) => {
  test("a 5 GB file (sparse) opens and gives its last bytes without taking a megabyte of memory", async () => {
    const folder = await mkdtemp(join(tmpdir(), "phi-ts-"));
    try {
      const size = 5_000_000_000;
      const head = craft({ big: entry("U8", [size - 4], 0, size - 4), tail: entry("F32", [], size - 4, size) });
      const path = join(folder, "model.safetensors");
      const handle = await open(path, "w");
      await handle.write(head);
      await handle.write(new Uint8Array(Float32Array.of(2.5).buffer), 0, 4, head.length + size - 4);
      await handle.close();

      const before = process.memoryUsage().arrayBuffers;
      const file = await openSafetensors(folder);
      assert.equal(file.tensors.get("big")?.byteLength, size - 4);
      assert.deepEqual(await file.toFloat32("tail"), Float32Array.of(2.5));
      const last = await file.readInto("big", size - 12, new Uint8Array(8).fill(1));
      assert.deepEqual([...last], [0, 0, 0, 0, 0, 0, 0, 0]);
      assert.atMost(process.memoryUsage().arrayBuffers - before, 1e6);
      await file.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
