import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeGguf } from "../../bench/peers/gguf.ts";
import { PRESETS } from "../../scripts/checkpoint/presets.ts";
import { loadPhi } from "../../src/index.ts";
import { suite } from "../harness.ts";

suite("bench/gguf", ({ test, assert }) => {
  test("a file that the bench writes for llama.cpp loads here too, and gives finite logits", async () => {
    const folder = mkdtempSync(join(tmpdir(), "phi-ts-gguf-"));
    try {
      const config = {
        ...PRESETS["phi-200m"].config,
        hidden_size: 256,
        intermediate_size: 512,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        vocab_size: 320,
      };
      const file = join(folder, "model.gguf");
      writeGguf(file, config, "Q4_0");
      const phi = await loadPhi(file, { contextSize: 64 });
      const logits = await phi.forward([1, 2, 3]);
      assert.equal(logits.length, 320);
      assert.ok(logits.every(Number.isFinite), "logits are finite");
      assert.ok(new Set(logits).size > 300, "and not all the same");
      await phi.dispose();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
