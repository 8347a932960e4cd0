import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { inProject, PHI_TINY } from "../engines/disk.ts";
import { goldenFolder } from "../golden.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";
import { phi } from "./phi.ts";

/** An adapter for phi-tiny's o_proj [256, 256] of six layers. */
function writeAdapter(folder: string, seed: number): void {
  const data: Record<string, TensorData> = {};
  for (let layer = 0; layer < 6; layer++) {
    const at = `base_model.model.model.layers.${layer}.self_attn.o_proj`;
    data[`${at}.lora_A.weight`] = { dtype: "F32", shape: [2, 256], data: randomFloats(seed + layer, 512, 0.1, 0) };
    data[`${at}.lora_B.weight`] = { dtype: "F32", shape: [256, 2], data: randomFloats(seed - layer, 512, 0.1, 0) };
  }
  mkdirSync(folder);
  writeFileSync(join(folder, "adapter_config.json"), JSON.stringify({ peft_type: "LORA", r: 2, lora_alpha: 4 }));
  writeFileSync(join(folder, "adapter_model.safetensors"), writeSafetensors(data));
}

suite("cli/adapters", ({ test, assert, engine }) => {
  if (engine.name !== "node") return test.skip("phi --adapter, phi merge", "the command is started with Node");

  const inFolder = async (run: (folder: string, a: string, b: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), "phi-adapters-"));
    try {
      const [a, b] = [join(folder, "a"), join(folder, "b")];
      writeAdapter(a, 100);
      writeAdapter(b, 200);
      await run(folder, a, b);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const PROMPT = "Tom has 3 apples and";
  const logits = async (...args: string[]): Promise<string> => {
    const ran = await phi("logits", "--json", "--weights", "f32", ...args, PROMPT);
    assert.equal(ran.code, 0, ran.stderr);
    return ran.stdout;
  };

  test("--adapter of logits, generate and chat: what is added depends on folder and scale; scale 0 adds nothing; a folder may come twice", () =>
    inFolder(async (_, a, b) => {
      const none = await logits("-m", PHI_TINY);
      const seen = [
        none,
        await logits("-m", PHI_TINY, "--adapter", a),
        await logits("-m", PHI_TINY, "--adapter", `${a}=0.5`),
      ];
      seen.push(await logits("-m", PHI_TINY, "--adapter", a, "--adapter", `${b}=-2e-1`));
      assert.equal(new Set(seen).size, 4);
      assert.equal(await logits("-m", PHI_TINY, "--adapter", `${a}=0`), none);
      assert.equal(
        await logits("-m", PHI_TINY, "--adapter", `${a}=0.25`, "--adapter", `${a}=0`),
        await logits("-m", PHI_TINY, "--adapter", `${a}=0.25`),
      );
      const text = (...args: string[]) => phi(...args, "-m", PHI_TINY, "-n", "12", PROMPT);
      for (const command of ["generate", "chat"]) {
        const [plain, with_] = [await text(command), await text(command, "--adapter", `${a}=3`)];
        assert.deepEqual([plain.code, with_.code], [0, 0], with_.stderr);
        assert.ok(plain.stdout !== with_.stdout, command);
      }
    }));

  test("phi merge writes a folder that stands for base and adapters: the logits agree within what the rounding to bf16 changes, and nothing else is left", () =>
    inFolder(async (folder, a, b) => {
      const base = inProject(goldenFolder("phi-4"));
      const out = join(folder, "merged");
      const adapter = inProject("test/fixtures/adapters/phi-4-a");
      const made = await phi("merge", base, "--adapter", `${adapter}=0.5`, "-o", out);
      assert.deepEqual([made.code, made.stdout], [0, ""], made.stderr);
      assert.ok(/merged: .* in 5 files, 8 matrices changed/.test(made.stderr), made.stderr);
      assert.deepEqual(readdirSync(folder).sort(), ["a", "b", "merged"]);
      assert.deepEqual(readFileSync(join(out, "config.json")), readFileSync(join(base, "config.json")));

      const again = await phi("merge", base, "--adapter", adapter, "-o", out);
      assert.equal(again.code, 1);
      assert.ok(again.stderr.includes("the folder is there already (--force replaces it)"), again.stderr);
      assert.equal((await phi("merge", base, "--adapter", adapter, "-o", out, "--force")).code, 0);

      const tiny = join(folder, "tiny");
      assert.equal((await phi("merge", PHI_TINY, "--adapter", a, "--adapter", `${b}=0.5`, "-o", tiny)).code, 0);
      const values = (json: string) =>
        (JSON.parse(json) as { id: number; logit: number }[]).sort((x, y) => x.id - y.id);
      const [merged, apart] = [
        values(await logits("-m", tiny, "--top", "5000")),
        values(await logits("-m", PHI_TINY, "--adapter", a, "--adapter", `${b}=0.5`, "--top", "5000")),
      ];
      const greatest = apart.reduce((most, { logit }, i) => Math.max(most, Math.abs(logit - merged[i].logit)), 0);
      assert.atMost(greatest, 0.15, "bf16 weights are rounded");
      assert.ok(existsSync(join(tiny, "tokenizer.json")));
    }));

  test("what cannot be done is one line and an exit code: no adapter, no output, a folder that is no checkpoint under --force, an unknown name", () =>
    inFolder(async (folder, a) => {
      const cases: [string[], number, RegExp][] = [
        [["merge", PHI_TINY, "-o", join(folder, "x")], 2, /--adapter DIR is needed/],
        [["merge", PHI_TINY, "--adapter", a], 2, /-o OUT is needed/],
        [["merge", "--adapter", a, "-o", join(folder, "x")], 2, /which checkpoint\?/],
        [["merge", PHI_TINY, "--adapter", "@vision", "-o", join(folder, "x")], 2, /cannot be merged/],
        [["merge", PHI_TINY, "--adapter", a, "-o", folder, "--force"], 1, /is no checkpoint, and is not replaced/],
        [["merge", a, "--adapter", a, "-o", `${a}/`, "--force"], 2, /-o OUT is where BASE lies/],
        [["merge", "-m", join(a, "adapter_config.json"), "--adapter", a, "-o", a], 2, /-o OUT is where BASE lies/],
        [["logits", "-m", PHI_TINY, "--adapter", "=2", "x"], 2, /--adapter needs DIR or DIR=SCALE/],
        [["logits", "-m", PHI_TINY, "--adapter", "@vision", "x"], 1, /the checkpoint itself has no such adapter/],
        [["logits", "-m", PHI_TINY, "--adapter", join(folder, "no"), "x"], 1, /no/],
      ];
      for (const [args, code, message] of cases) {
        const ran = await phi(...args);
        assert.equal(ran.code, code, `${args.join(" ")}: ${ran.stderr}`);
        assert.ok(message.test(ran.stderr), `${args.join(" ")}: ${ran.stderr}`);
      }
      assert.deepEqual(readdirSync(folder).sort(), ["a", "b"]);
    }));
});
