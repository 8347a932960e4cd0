import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PRESETS } from "../../scripts/checkpoint/presets.ts";
import { recognize } from "../../src/cli/verify/models.ts";
import { PUBLISHED_REFERENCE } from "../../src/cli/verify/published.ts";
import { parseReference } from "../../src/cli/verify/reference.ts";
import { nearest } from "../../src/cli/verify/run.ts";
import { parseConfig } from "../../src/model/parse-config.ts";
import { inProject, PHI_TINY, pathOf } from "../engines/disk.ts";
import { type GoldenCase, goldenFolder, openGolden, openPhiTinyGolden } from "../golden.ts";
import { suite } from "../harness.ts";
import { phi } from "./phi.ts";

interface Report {
  pass: boolean;
  recognized: string[];
  precisions: {
    precision: string;
    left?: string;
    pass?: boolean;
    cases: {
      kind: string;
      pass?: boolean;
      skipped?: string;
      logits?: { max: number; relative: number; beyond: number; top: number; rows: number };
      text?: { agreed: number; tokens: number; equal: boolean; gap?: number | "none" };
    }[];
  }[];
}

suite("cli/verify", ({ test, assert, engine }) => {
  if (engine.name !== "node") return test.skip("phi verify", "the command is started with Node");

  const withReference = async (reference: unknown, run: (file: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), "phi-verify-"));
    try {
      const file = join(folder, "reference.json");
      writeFileSync(file, typeof reference === "string" ? reference : JSON.stringify(reference));
      await run(file);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const asJson = async (...args: string[]): Promise<{ code: unknown; report: Report }> => {
    const { stdout, stderr, code } = await phi("verify", ...args, "--json");
    assert.ok(stdout !== "", stderr);
    return { code, report: JSON.parse(stdout) as Report };
  };

  /** Transformers' logits of a golden's prompt, all V of them, at all positions but the first, as a reference file has them. */
  async function goldenReference(name: GoldenCase) {
    const { prompts, vocabSize: V } = await openGolden(engine, name);
    const { ids, logits } = prompts.find((p) => p.ids.length > 5) ?? prompts[0];
    const positions = ids.map((_, i) => i).slice(1);
    const rows = positions.map((p) => [...logits.slice(p * V, (p + 1) * V)]);
    return { logits: [{ input_ids: ids, positions, first_logits: rows, atol: 3e-4, rtol: 0 }] };
  }

  for (const name of ["phi-1_5", "phi-3-mini-4k", "phi-3.5-moe", "phi-4-multimodal"] as const) {
    test(`${name}: f32 passes against transformers' logits within 3e-4, and exit code is 0; with one figure moved by 0.001 it fails, and exit code is 1`, async () => {
      const reference = await goldenReference(name);
      const model = inProject(goldenFolder(name));
      await withReference(reference, async (file) => {
        const { code, report } = await asJson(model, "--reference", file, "--precision", "f32");
        assert.deepEqual([code, report.pass, report.precisions.map((p) => p.pass)], [0, true, [true]]);
        const { logits } = report.precisions[0].cases[0];
        assert.atMost(logits?.max ?? 1, 3e-4);
        assert.deepEqual([logits?.beyond, logits?.top], [0, logits?.rows]);
      });
      reference.logits[0].first_logits[2][7] += 1e-3;
      await withReference(reference, async (file) => {
        const { code, report } = await asJson(model, "--reference", file, "--precision", "f32");
        assert.deepEqual([code, report.pass], [1, false]);
        assert.equal(report.precisions[0].cases[0].logits?.beyond, 1);
      });
    });
  }

  /** Transformers' logits and greedy texts of phi-tiny, in float32. */
  async function tinyReference() {
    const { prompts } = await openPhiTinyGolden(engine);
    const known = prompts.filter((p) => p.logits);
    return {
      logits: known.map((p) => ({
        input_ids: p.promptIds,
        positions: [p.promptIds.length - 1],
        first_logits: [[...(p.logits ?? [])]],
        atol: 3e-4,
        rtol: 0,
      })),
      generations: prompts.slice(0, 4).map((p) => ({
        prompt: p.prompt,
        max_new_tokens: 64,
        text: p.text.replace("<|end|>", ""),
      })),
    };
  }

  test("phi-tiny, a trained model: all precisions pass against transformers, the logits of q8 and q4 with less than half of the deviation that their bounds allow; a table has a row for each", async () => {
    const reference = await tinyReference();
    assert.ok(reference.logits.length > 0);
    await withReference(reference, async (file) => {
      const { code, report } = await asJson(PHI_TINY, "--reference", file);
      assert.deepEqual(
        report.precisions.map((p) => [p.precision, p.pass]),
        [
          ["f32", true],
          ["q8", true],
          ["q4", true],
        ],
        JSON.stringify(report),
      );
      assert.equal(code, 0);
      const worst = report.precisions.map(({ cases }) => Math.max(...cases.map((c) => c.logits?.relative ?? 0)));
      assert.atMost(worst[0], 1e-4);
      assert.atMost(worst[1], 0.03, "q8");
      assert.atMost(worst[2], 0.2, "q4");
      for (const c of report.precisions[0].cases)
        if (c.text) assert.deepEqual([c.text.equal, c.text.gap], [true, undefined]);
      const table = await phi("verify", PHI_TINY, "--reference", file, "--precision", "f32,q4");
      assert.ok(/^precision +max \|Δ\| +mean \|Δ\|/m.test(table.stdout), table.stdout);
      assert.ok(
        /^f32 +\S+ +\S+ +(< )?\S+ % +1 of 1 +\|Δ\| ≤ 0.0003 \+ 0·\|x\|: pass$/m.test(table.stdout),
        table.stdout,
      );
      assert.ok(/\nf32 +PASS\nq4 +PASS\n$/.test(table.stdout), table.stdout);
    });
  });

  test("a text that parts from the reference's is told with the tokens before, and fails by how much likelier ours is", async () => {
    const prompt = "<|user|>What is 12 + 30?<|end|><|assistant|>";
    const generations = [{ prompt, max_new_tokens: 20, text: "12 + 30 = 52. The answer is 52." }];
    await withReference({ generations }, async (file) => {
      const { code, report } = await asJson(PHI_TINY, "--reference", file, "--precision", "f32");
      const { text, pass } = report.precisions[0].cases[0];
      assert.deepEqual([code, pass, text?.equal], [1, false, false]);
      assert.ok(text && text.agreed > 4 && text.agreed < text.tokens && Number(text.gap) > 1, JSON.stringify(text));
      const table = await phi("verify", PHI_TINY, "--reference", file, "--precision", "f32");
      assert.ok(/^f32 +\d+ of \d+ +\d+\.\d{3}, at most 0.1: FAIL$/m.test(table.stdout), table.stdout);
    });
  });

  test("a text that none of the 1000 likeliest tokens begins is said to be so, and fails", async () => {
    const prompt = "<|user|>What is 12 + 30?<|end|><|assistant|>";
    const generations = [{ prompt, max_new_tokens: 20, text: "\u{1f99c}\u{1f99c}" }];
    await withReference({ generations }, async (file) => {
      const { code, report } = await asJson(PHI_TINY, "--reference", file, "--precision", "f32");
      const { text, pass } = report.precisions[0].cases[0];
      assert.deepEqual([code, pass, text?.agreed, text?.gap], [1, false, 0, "none"]);
      const table = await phi("verify", PHI_TINY, "--reference", file, "--precision", "f32");
      assert.ok(
        /^f32 +0 of \d+ +none of our 1000 likeliest goes on as it does: FAIL$/m.test(table.stdout),
        table.stdout,
      );
    });
  });

  test("a model without published outputs gets a sentence that says so, and exit code 1", async () => {
    const tiny = await phi("verify", PHI_TINY);
    assert.deepEqual([tiny.code, tiny.stdout], [1, ""]);
    assert.ok(
      /no outputs of phi-tiny are published that could be compared; with --reference FILE/.test(tiny.stderr),
      tiny.stderr,
    );
  });

  test("what does not fit into --budget is left out, and if nothing does, exit code is 1; command lines and reference files that are wrong say what", async () => {
    const reference = await goldenReference("phi-1_5");
    const model = inProject(goldenFolder("phi-1_5"));
    await withReference(reference, async (file) => {
      const none = await phi("verify", model, "--reference", file, "--budget", "1000");
      assert.equal(none.code, 1);
      assert.ok(/f32 +not compared: it takes \S+ [MGk]?B of memory \(--budget\)/.test(none.stdout), none.stdout);
      assert.ok(/no precision fits into 1.0 kB/.test(none.stderr), none.stderr);
      const wrong = await phi("verify", model, "--reference", file, "--precision", "q5");
      assert.equal(wrong.code, 2);
      assert.ok(/--precision is one or several of f32, q8, q4/.test(wrong.stderr), wrong.stderr);
    });
    const files: [unknown, RegExp][] = [
      ["{", /reference\.json: not JSON/],
      [{}, /no case/],
      [{ logits: [{ input_ids: [1], first_logits: [] }] }, /logits\[0\]: a row of first_logits for each position/],
      [{ logits: [{ input_ids: [1, -1], first_logits: [[1]] }] }, /logits\[0\]\.input_ids\[1\]; got -1/],
      [{ generations: [{ prompt: "a", text: "b" }] }, /generations\[0\]\.max_new_tokens/],
    ];
    for (const [content, message] of files) {
      await withReference(content, async (file) => {
        const { code, stderr } = await phi("verify", model, "--reference", file);
        assert.equal(code, 1, stderr);
        assert.ok(message.test(stderr), stderr);
      });
    }
    assert.equal((await phi("verify")).code, 2);
  });

  test("a GGUF file is compared as its blocks are, and not in another precision", async () => {
    const model = inProject("test/fixtures/golden/gguf-phi-4/model.Q4_0.gguf");
    await withReference(
      { logits: [{ input_ids: [5, 6, 7], positions: [2], first_logits: [[0, 1, 2]] }] },
      async (file) => {
        const { report } = await asJson(model, "--reference", file);
        assert.deepEqual(
          report.precisions.map((p) => p.precision),
          ["file"],
        );
        assert.equal((await phi("verify", model, "--reference", file, "--precision", "q4")).code, 2);
      },
    );
  });

  try {
    const given = JSON.parse(readFileSync(pathOf("shared/published/reference-outputs.json"), "utf8")) as {
      logits: { model: string; input_ids: number[]; positions: number[]; first_logits: number[][]; atol: number }[];
      generations: { model: string; text: string; max_new_tokens?: number; prompt?: string; messages?: unknown }[];
    };
    test("the embedded outputs are, figure by figure and letter by letter, those that were collected", () => {
      const { logits, generations } = PUBLISHED_REFERENCE;
      const figures = (c: (typeof given.logits)[number]) => [c.model, c.input_ids, c.positions, c.first_logits];
      assert.deepEqual(logits.map(figures), given.logits.map(figures));
      for (const [i, { model, atol }] of logits.entries())
        if (!model.includes("MoE")) assert.equal(atol, 10 * given.logits[i].atol, model);
      const texts = (c: (typeof given.generations)[number]) => [
        c.model,
        c.messages ?? c.prompt,
        c.max_new_tokens,
        c.text,
      ];
      const usable = given.generations.filter(({ model }) => !model.includes("Phi-4-mini"));
      assert.deepEqual(generations.map(texts), usable.map(texts));
    });
  } catch {
    test.skip("the embedded outputs are those that were collected", "shared/published is not beside the project");
  }

  test("of models with one shape, Phi-1 and Phi-1.5, the one whose logits are nearer is taken, and cases that are nobody's stay", () => {
    const [one, other] = parseReference(PUBLISHED_REFERENCE, "published");
    const own = { ...one, model: "this model" };
    const outcome = (c: typeof one, relative: number) => ({
      case: c,
      pass: false,
      logits: { figures: 60, max: 1, mean: 1, relative, beyond: 60, top: 0, rows: 2 },
    });
    assert.deepEqual([one.model, other.model], ["microsoft/phi-1", "microsoft/phi-1_5"]);
    const cases = [one, other, own];
    const after = (a: number, b: number) =>
      nearest(cases, { outcomes: [outcome(one, a), outcome(other, b), outcome(own, 0)] });
    assert.deepEqual(
      after(1.3, 0.02).map((c) => c.model),
      ["microsoft/phi-1_5", "this model"],
    );
    assert.deepEqual(
      after(0.4, 1.4).map((c) => c.model),
      ["microsoft/phi-1", "this model"],
    );
  });

  test("published models are recognized by their configurations, and those with outputs have cases", () => {
    const names = (preset: keyof typeof PRESETS) => recognize(parseConfig(PRESETS[preset].config));
    assert.deepEqual(names("phi-2"), ["Phi-2"]);
    assert.deepEqual(names("phi-3.5-moe"), ["Phi-3.5-MoE"]);
    assert.deepEqual(names("phi-mini-moe"), ["Phi-mini-MoE"]);
    assert.deepEqual(names("phi-4-mini"), ["Phi-4-mini"]);
    assert.deepEqual(names("phi-4"), ["Phi-4"]);
    const cases = parseReference(PUBLISHED_REFERENCE, "published");
    const kinds = (kind: string) => cases.filter((c) => c.kind === kind).map((c) => c.model.replace("microsoft/", ""));
    assert.deepEqual(kinds("logits"), [
      ...["phi-1", "phi-1_5", "phi-2", "Phi-3-mini-4k-instruct", "Phi-3-mini-128k-instruct", "Phi-3.5-MoE-instruct"],
    ]);
    assert.deepEqual(kinds("text"), [
      ...[
        "Phi-3-mini-4k-instruct",
        "Phi-3-mini-128k-instruct",
        "Phi-3.5-MoE-instruct",
        "phi-2",
        "Phi-4-multimodal-instruct",
      ],
    ]);
  });
});
