import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { loadPhi } from "../../src/index.ts";
import { inProject, PHI_TINY } from "../engines/disk.ts";
import { suite } from "../harness.ts";

suite("bench/full-size", ({ test, assert }) => {
  test("says what loading took, that it was as estimated, and the tokens that a greedy generation of the same ids gives", async () => {
    const args = [
      "--conditions=phi-ts-source",
      "--import",
      "tsx",
      "bench/full-size.ts",
      PHI_TINY,
      "--tokens",
      "6",
      "--json",
    ];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: inProject("."), timeout: 60_000 });
    const report = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(report["estimated as loaded"], true);
    assert.ok(/^[0-9a-f]{16}$/.test(`${report.logits}`), stdout);
    const phi = await loadPhi(PHI_TINY, { contextSize: 512 });
    const prompt = Array.from({ length: 16 }, (_, i) => (i * 7919 + 11) % phi.config.vocabSize);
    const { ids } = await phi.generate(prompt, { maxTokens: 6, ignoreEos: true }).result();
    assert.equal(report.tokens, ids.join(" "));
    await phi.dispose();
  });
});
