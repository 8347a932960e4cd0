import { LogitsError, OptionError } from "../../src/errors.ts";
import { Sampler } from "../../src/generate/sampler.ts";
import { checkSampling, type SamplingOptions } from "../../src/generate/sampling-options.ts";
import { suite } from "../harness.ts";
import { randomFloats } from "../random.ts";

/** Logits whose probabilities at temperature 1 are p. */
const logitsFor = (p: readonly number[]) => Float32Array.from(p, (x) => Math.log(x));

function sampler(options: SamplingOptions, V: number, prompt: number[] = []): Sampler {
  return new Sampler(checkSampling("generate", options, V), options.seed ?? 1, prompt);
}

/** How often each token comes in n draws from the same logits, each draw as if it were the first of its answer. */
function histogram(options: SamplingOptions, logits: Float32Array, n: number, prompt: number[] = []): number[] {
  const counts = new Array<number>(logits.length).fill(0);
  const one = sampler(options, logits.length, prompt);
  for (let i = 0; i < n; i++) counts[one.next(logits)]++;
  return counts;
}

/** The tokens that 400 draws give at all. */
const support = (options: SamplingOptions, logits: Float32Array, prompt?: number[]) =>
  histogram({ temperature: 1, ...options }, logits, 400, prompt).flatMap((n, id) => (n > 0 ? [id] : []));

suite("generate/sampler", ({ test, assert }) => {
  test("temperature 0 takes the greatest logit, the lowest id among equals", () => {
    assert.equal(sampler({}, 5).next(Float32Array.of(1, 3, 2, 3, 3)), 1);
    assert.equal(sampler({}, 4).next(Float32Array.of(-5, -3, -9, -Infinity)), 1);
    assert.equal(sampler({}, 3).next(Float32Array.of(-0, 0, -1)), 0);
    assert.equal(sampler({ topK: 1, topP: 0.1, minP: 1 }, 3).next(Float32Array.of(1, 2, 3)), 2);
  });

  // 20000 draws: a standard deviation of each frequency is at most 0.0036
  const N = 20000;
  const close = (counts: number[], p: number[]) =>
    assert.close(
      counts.map((n) => n / N),
      p,
      0.015,
    );

  test("frequencies of 20000 draws equal the softmax within 4 standard deviations (0.015), at temperatures 1, 2 and 0.5", () => {
    const p = [0.5, 0.25, 0.15, 0.1];
    close(histogram({ temperature: 1 }, logitsFor(p), N), p);
    for (const T of [2, 0.5]) {
      const powers = p.map((x) => x ** (1 / T));
      const total = powers.reduce((a, b) => a + b);
      close(
        histogram({ temperature: T }, logitsFor(p), N),
        powers.map((x) => x / total),
      );
    }
  });

  test("chi² of 20000 draws from 50 tokens is below 85.4 (49 degrees of freedom, p = 0.001)", () => {
    const logits = randomFloats(3, 50, 1, 0);
    const weights = [...logits].map(Math.exp);
    const total = weights.reduce((a, b) => a + b);
    const counts = histogram({ temperature: 1, seed: 12 }, logits, N);
    const chi2 = counts.reduce(
      (sum, n, i) => sum + (n - (N * weights[i]) / total) ** 2 / ((N * weights[i]) / total),
      0,
    );
    assert.atMost(chi2, 85.4);
  });

  test("top-k keeps the k greatest and what equals the k-th, and the rest in proportion", () => {
    const p = [0.1, 0.4, 0.2, 0.3];
    assert.deepEqual(support({ topK: 1 }, logitsFor(p)), [1]);
    assert.deepEqual(support({ topK: 2 }, logitsFor(p)), [1, 3]);
    assert.deepEqual(support({ topK: 2 }, logitsFor([0.1, 0.4, 0.25, 0.25])), [1, 2, 3]);
    assert.deepEqual(support({ topK: 9 }, logitsFor(p)), [0, 1, 2, 3]);
    close(histogram({ temperature: 1, topK: 2 }, logitsFor(p), N), [0, 4 / 7, 0, 3 / 7]);
  });

  test("top-p keeps the likeliest tokens until their sum reaches p, the one that reaches it included, and at least one", () => {
    const p = [0.1, 0.5, 0.15, 0.25];
    assert.deepEqual(support({ topP: 0 }, logitsFor(p)), [1]);
    assert.deepEqual(support({ topP: 0.49 }, logitsFor(p)), [1]);
    assert.deepEqual(support({ topP: 0.51 }, logitsFor(p)), [1, 3]);
    assert.deepEqual(support({ topP: 0.76 }, logitsFor(p)), [1, 2, 3]);
    assert.deepEqual(support({ topP: 1 }, logitsFor(p)), [0, 1, 2, 3]);
    close(histogram({ temperature: 1, topP: 0.7 }, logitsFor(p), N), [0, 2 / 3, 0, 1 / 3]);
  });

  test("top-p among equal tokens takes the lower ids", () => {
    assert.deepEqual(support({ topP: 0.4 }, Float32Array.of(2, 2, 2, 2)), [0, 1]);
  });

  test("min-p keeps tokens at least p times as likely as the likeliest", () => {
    const p = [0.5, 0.26, 0.14, 0.1];
    assert.deepEqual(support({ minP: 0.21 }, logitsFor(p)), [0, 1, 2]);
    assert.deepEqual(support({ minP: 0.5 }, logitsFor(p)), [0, 1]);
    assert.deepEqual(support({ minP: 1 }, logitsFor(p)), [0]);
  });

  test("the filters follow each other: top-p looks at what top-k left, and all of them at the tempered distribution", () => {
    const p = [0.4, 0.3, 0.2, 0.1];
    // of 0.4 and 0.3 alone, 0.4 is 0.571: above p = 0.5, where of all four it would not be
    assert.deepEqual(support({ topK: 2, topP: 0.5 }, logitsFor(p)), [0]);
    assert.deepEqual(support({ topP: 0.5 }, logitsFor(p)), [0, 1]);
    // at temperature 0.5 the likeliest has 0.16 / 0.3 = 0.533
    assert.deepEqual(support({ temperature: 0.5, topP: 0.53 }, logitsFor(p)), [0]);
    assert.deepEqual(support({ temperature: 0.5, minP: 0.5 }, logitsFor(p)), [0, 1]);
    assert.deepEqual(support({ temperature: 0.5, minP: 0.57 }, logitsFor(p)), [0]);
  });

  test("repetition penalty divides positive and multiplies negative logits of tokens of the prompt and the answer, once each", () => {
    const logits = Float32Array.of(2, 1.5, -1, -1.5);
    assert.equal(sampler({ repetitionPenalty: 1.3 }, 4, [0]).next(logits), 0); // 2 / 1.3 = 1.538
    assert.equal(sampler({ repetitionPenalty: 1.4 }, 4, [0]).next(logits), 1); // 2 / 1.4 = 1.43
    assert.equal(sampler({ repetitionPenalty: 1.3 }, 4, [0, 0, 0, 0]).next(logits), 0);
    const two = Float32Array.of(-Infinity, -Infinity, -1, -1.5);
    assert.equal(sampler({ repetitionPenalty: 1.4 }, 4, [2]).next(two), 2); // -1.4
    assert.equal(sampler({ repetitionPenalty: 1.6 }, 4, [2]).next(two), 3); // -1.6
    const own = sampler({ repetitionPenalty: 1.4 }, 4);
    assert.deepEqual([own.next(logits), own.next(logits), own.next(logits)], [0, 1, 0]);
  });

  test("presence penalty counts once, frequency penalty each time, both for the answer only", () => {
    const logits = Float32Array.of(3, 2.2, 1);
    const answer = (options: SamplingOptions, prompt: number[] = []) => {
      const one = sampler(options, 3, prompt);
      return Array.from({ length: 6 }, () => one.next(logits));
    };
    assert.deepEqual(answer({ presencePenalty: 1 }, [0, 0]), [0, 1, 0, 0, 0, 0]); // 3 - 1 = 2 < 2.2, then 1.2
    assert.deepEqual(answer({ frequencyPenalty: 0.5 }, [0, 0]), [0, 0, 1, 0, 1, 0]); // 3 2.5 2 | 2.2, 2 | 1.7, 1.5 | 1.7 …
    // 3 2.2 1 | 1.5 2.2 1 | 1.5 0.7 1 | 1 0.7 1 | 0.5 0.7 1 | 0.5 0.7 -0.5
    assert.deepEqual(answer({ frequencyPenalty: 0.5, presencePenalty: 1 }), [0, 1, 0, 0, 2, 1]);
    assert.deepEqual(answer({ presencePenalty: -1, frequencyPenalty: -1 }), [0, 0, 0, 0, 0, 0]);
  });

  test("logit bias is added first: by record or Map, and -Infinity bans", () => {
    const logits = Float32Array.of(3, 2, 1);
    assert.equal(sampler({ logitBias: { 2: 2.5 } }, 3).next(logits), 2);
    assert.equal(sampler({ logitBias: new Map([[1, 1.5]]) }, 3).next(logits), 1);
    assert.deepEqual(support({ logitBias: { 0: -Infinity, 1: -Infinity } }, logits), [2]);
    // before the penalty: (1 + 2.5) / 2 = 1.75 < 2, not 1 / 2 + 2.5
    assert.equal(sampler({ logitBias: { 2: 2.5, 0: -9 }, repetitionPenalty: 2 }, 3, [2]).next(logits), 1);
  });

  test("equal seeds give equal answers, other seeds others", () => {
    const logits = randomFloats(9, 300, 1, 0);
    const draw = (seed: number) => {
      const one = sampler({ temperature: 1.5, seed }, 300);
      return Array.from({ length: 30 }, () => one.next(logits));
    };
    assert.deepEqual(draw(7), draw(7));
    assert.ok(String(draw(7)) !== String(draw(8)));
  });

  test("draws of a vocabulary of 200064 equal those of an independent implementation (numpy, other exp)", () => {
    const V = 200064;
    const logits = randomFloats(11, V, 2, 0);
    const draw = (options: SamplingOptions) => {
      const one = sampler({ seed: 42, ...options }, V, [1, 2, 3]);
      return Array.from({ length: 4 }, () => one.next(logits));
    };
    assert.deepEqual(
      [
        draw({ temperature: 1 }),
        draw({ temperature: 3, topK: 50 }),
        draw({ temperature: 6, topP: 0.9 }),
        draw({ temperature: 9, minP: 0.02, topK: 5000, topP: 0.99, repetitionPenalty: 1.1, frequencyPenalty: 0.2 }),
      ],
      PINNED,
    );
  });

  test("logits that are NaN, +∞ or all -∞ are a LogitsError, at any temperature", () => {
    for (const bad of [
      [1, Number.NaN, 2],
      [1, Infinity, 2],
      [-Infinity, -Infinity, -Infinity],
      [Number.NaN, 1, 2],
    ]) {
      for (const temperature of [0, 1]) {
        assert.throws(() => sampler({ temperature }, 3).next(Float32Array.from(bad)), LogitsError, /logit of token/);
      }
    }
  });

  test("bad values are OptionErrors that name the option", () => {
    const bad: [keyof SamplingOptions, unknown][] = [
      ["temperature", -1],
      ["temperature", Number.NaN],
      ["temperature", Infinity],
      ["temperature", "1"],
      ["topK", -1],
      ["topK", 1.5],
      ["topP", 1.01],
      ["topP", -0.1],
      ["minP", 2],
      ["repetitionPenalty", 0],
      ["frequencyPenalty", Number.NaN],
      ["presencePenalty", null],
      ["seed", -1],
      ["seed", 1.5],
      ["seed", 2 ** 53],
      ["logitBias", [1, 2]],
      ["logitBias", { 3: 1 }],
      ["logitBias", { a: 1 }],
      ["logitBias", { "": 1 }],
      ["logitBias", { 1: Infinity }],
      ["logitBias", { 1: "2" }],
      ["logitBias", new Map([["1.5", 1]])],
    ];
    for (const [name, value] of bad) {
      assert.throws(() => checkSampling("generate", { [name]: value }, 3), OptionError, new RegExp(`"${name}"`));
    }
  });
});

const PINNED = [
  [134481, 119193, 39897, 61431],
  [131463, 115877, 57626, 66548],
  [134362, 119254, 40231, 61503],
  [135490, 119985, 40444, 62518],
];
