import { OptionError, PhiError, SourceError } from "../../src/errors.ts";
import { Pacer } from "../../src/event-loop.ts";
import { bytesSource, loadPhi, type Source } from "../../src/index.ts";
import { OwnTexts } from "../../src/quantize/calibration.ts";
import {
  bytesSink,
  type QuantizeOptions,
  type QuantizeProgress,
  quantizeCheckpoint,
} from "../../src/quantize/index.ts";
import type { WorkFolder } from "../../src/quantize/kept.ts";
import { TEXT_OPENINGS } from "../../src/quantize/openings.ts";
import { Progress } from "../../src/quantize/progress.ts";
import { phiTinyFolder } from "../fixtures.ts";
import { goldenSource } from "../golden.ts";
import { suite } from "../harness.ts";
import { noThreads } from "../threads/crew.ts";

const FEW: QuantizeOptions = { tokens: 128 };

interface Result {
  bytes: Uint8Array;
  tokens: number;
  damaged: readonly string[];
}

async function quantized(source: string | Source, options: QuantizeOptions): Promise<Result> {
  const files = new Map<string, Uint8Array>();
  const { file, tokens, damaged } = await quantizeCheckpoint(source, bytesSink(files), { ...FEW, ...options });
  return { bytes: files.get(file) as Uint8Array, tokens, damaged };
}

/** A folder in memory. `allow`: writing stops with an error after so many bytes, and what was written of that file stays. */
function workFolder(files: Map<string, Uint8Array>, allow = Infinity): WorkFolder {
  let left = allow;
  const inner = bytesSink(files);
  return {
    source: { list: async () => [...files.keys()], open: (name) => bytesSource(files).open(name) },
    sink: {
      async create(name) {
        const file = await inner.create(name);
        return {
          async write(bytes) {
            const part = bytes.subarray(0, Math.max(0, left));
            left -= bytes.length;
            await file.write(part);
            if (left < 0) throw new SourceError({ what: "the disk is full", file: name });
          },
          close: () => file.close(),
        };
      },
    },
  };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

suite("quantize/job", ({ test, assert, engine }) => {
  const folder = goldenSource(engine, "phi-4-mini");
  const tiny = phiTinyFolder(engine);

  const alone = noThreads(engine, true);
  const threadsTitle = "two threads write the same bytes as one";
  if (alone) test.skip(threadsTitle, alone);
  else
    test(threadsTitle, async () => {
      const [one, two] = [await quantized(folder, { threads: 1 }), await quantized(folder, { threads: 2 })];
      assert.ok(same(one.bytes, two.bytes), "other bytes");
    });

  test("texts that the model writes side by side are those that it generates one by one, whatever is beside them", async () => {
    const length = 40;
    const own = await OwnTexts.load(tiny, 7, length, {});
    const together = await own.write(0, 8, new Pacer(), () => {});
    const few = await own.write(2, 3, new Pacer(), () => {});
    own.dispose();
    assert.deepEqual(few, together.slice(2, 5));
    const phi = await loadPhi(tiny, { weights: "q4", contextSize: length });
    for (const [n, ids] of together.entries()) {
      const opening = n % 2 === 0 ? phi.tokenizer.encode(TEXT_OPENINGS[n / 2]) : undefined;
      const prompt =
        opening ??
        ids.slice(0, ids.lastIndexOf(phi.tokenizer.encode("<|assistant|>", { parseSpecialTokens: true })[0]) + 1);
      const options = { temperature: 1, seed: 7 * 65536 + n, maxTokens: length - prompt.length };
      const { ids: answer } = await phi.generate(prompt, options).result();
      assert.deepEqual(ids, [...prompt, ...answer], `text ${n}`);
    }
    await phi.dispose();
  });

  test("stopped after any piece of work, in the middle of writing it or by its signal, the job goes on to the same bytes", async () => {
    const whole = await quantized(folder, {});
    const files = new Map<string, Uint8Array>();
    let runs = 0;
    for (;;) {
      const controller = new AbortController();
      const before = files.size;
      let events = 0;
      const onProgress = () => {
        if (++events === 40) controller.abort(new Error("stop"));
      };
      // By turns: the signal, and a disk that is full in the middle of the first piece that is written.
      const options = runs % 2 === 0 ? { signal: controller.signal, onProgress } : {};
      const work = workFolder(files, runs % 2 === 0 || before > 8 ? Infinity : 3000);
      runs++;
      try {
        const again = await quantized(folder, { ...options, work });
        assert.ok(same(again.bytes, whole.bytes), "the same bytes");
        break;
      } catch (error) {
        assert.ok(error instanceof SourceError || (error as Error).message === "stop", `${error}`);
      }
      assert.atMost(runs, 60);
    }
    assert.ok(runs > 4, `${runs} runs`);
  });

  test("a piece that is damaged or cut short is told and made again; nothing else is, and the bytes are the same", async () => {
    const files = new Map<string, Uint8Array>();
    const whole = await quantized(folder, { work: workFolder(files) });
    assert.deepEqual(whole.damaged, []);
    const names = [...files.keys()].filter((n) => n.endsWith(".kept"));
    assert.ok(
      ["texts-0000.kept", "layer-0001.kept", "head.kept", "stream-odd.kept"].every((n) => names.includes(n)),
      `${names}`,
    );
    const spoils = [
      (b: Uint8Array) => b.map((x, i) => (i === b.length - 5 ? x ^ 4 : x)),
      (b: Uint8Array) => b.slice(0, -1),
      (b: Uint8Array) => b.slice(0, 9),
    ];
    for (const [i, name] of names.entries()) {
      const spoilt = new Map(files).set(name, spoils[i % 3](files.get(name) as Uint8Array));
      const again = await quantized(folder, { work: workFolder(spoilt) });
      assert.ok(again.damaged.includes(name), `${name} is told`);
      assert.ok(same(again.bytes, whole.bytes), name);
    }
  });

  test("finished work of other options or of another checkpoint is refused, not used", async () => {
    const files = new Map<string, Uint8Array>();
    await quantized(folder, { work: workFolder(files) });
    for (const options of [{ seed: 1 }, { tokens: 129 }, { embedding: "q8" }] as const) {
      const error = await assert.rejects(
        quantized(folder, { ...options, work: workFolder(files) }),
        PhiError,
        /another checkpoint or to other options/,
      );
      assert.equal((error as PhiError).code, "other_job");
    }
    await assert.rejects(
      quantized(goldenSource(engine, "phi-4"), { work: workFolder(files) }),
      PhiError,
      /another checkpoint/,
    );
  });

  test("progress: from 0 to 1 and never back, with an estimate of what is left, through calibration, layers, head and writing", async () => {
    const seen: QuantizeProgress[] = [];
    await quantized(folder, { onProgress: (p) => seen.push(p) });
    assert.ok(seen.every((p, i) => i === 0 || p.fraction >= seen[i - 1].fraction));
    assert.atMost(Math.abs((seen.at(-1)?.fraction ?? 0) - 1), 0.02);
    assert.deepEqual([...new Set(seen.map((p) => p.phase))], ["calibration", "layers", "head", "writing"]);
    // The first percent says little.
    const later = seen.filter((p) => p.fraction > 0.011);
    assert.ok(later.length > 20 && later.every((p) => p.remainingMs !== undefined && p.remainingMs >= 0));
  });

  test("the estimate is the rate of this run: work found finished took no time", () => {
    let now = 1000;
    let last: QuantizeProgress | undefined;
    const progress = new Progress(
      100,
      (p) => (last = p),
      () => now,
    );
    progress.add(60, "layers", "found", true);
    assert.equal(last?.remainingMs, undefined);
    now += 500;
    progress.add(10, "layers", "done");
    assert.deepEqual([last?.fraction, last?.remainingMs], [0.7, 1500]);
  });

  test("weights and embedding each in q4 or q8: every combination is calibrated as far as it is q4, loads as what it is, and differs", async () => {
    const seen = new Set<string>();
    for (const weights of ["q4", "q8"] as const) {
      for (const embedding of ["q4", "q8"] as const) {
        const { bytes, tokens } = await quantized(folder, { weights, embedding });
        assert.ok(embedding === "q8" && weights === "q8" ? tokens === 0 : tokens >= 128, `${tokens} tokens`);
        const phi = await loadPhi(bytesSource({ "model.safetensors": bytes }));
        assert.deepEqual([phi.weights, phi.embedding], [weights, embedding]);
        seen.add(`${await phi.forward([1, 2, 3])}`);
        await phi.dispose();
      }
    }
    assert.equal(seen.size, 4);
  });

  test("a given text is all that is calibrated on: as many tokens as it has, at most those asked for", async () => {
    const text = "Once upon a time there was a quiet owl named Ivan.";
    const { bytes, tokens } = await quantized(tiny, { text, weights: "q8", embedding: "q4" });
    assert.ok(tokens > 5 && tokens < 20, `${tokens} tokens`);
    const phi = await loadPhi(bytesSource({ "model.safetensors": bytes }));
    assert.equal(phi.tokenizer.encode(text).length, tokens);
    await phi.dispose();
  });

  test("what cannot be done is refused before anything is computed", async () => {
    const bad: [QuantizeOptions, RegExp][] = [
      [{ tokens: 10 }, /option "tokens"; got 10; expected an integer from 64/],
      [{ weights: "f32" as "q4" }, /option "weights"; got "f32"; expected one of q4, q8/],
      [{ file: "a.gguf" }, /option "file"/],
      [{ textt: "x" } as QuantizeOptions, /unknown option "textt"/],
      [{ text: "" }, /the calibration text; got ""; expected some tokens/],
    ];
    for (const [options, message] of bad) await assert.rejects(quantized(tiny, options), OptionError, message);
    await assert.rejects(quantized(folder, { text: "some" }), OptionError, /needs a tokenizer.json/);
    const aborted = AbortSignal.abort(new Error("before"));
    await assert.rejects(quantized(folder, { signal: aborted }), Error, /before/);
  });
});
