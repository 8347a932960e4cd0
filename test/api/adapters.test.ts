import { loadPhi, OptionError, type Phi, type PhiOptions } from "../../src/index.ts";
import { type AdapterCase, adapterCases, adapterFolders, baseSource } from "../adapter-fixtures.ts";
import { suite } from "../harness.ts";
import { hash } from "../kernels/compare.ts";
import { BUILDS } from "../kernels/kinds.ts";
import { maxAbs } from "../metrics.ts";

const BOUNDS = { strict: 3e-4, reference: 1.5e-4 } as const;

/** A change of one of them is a change of the library's numbers. */
const HASHES = { f32: "f0bd616f", q4: "344f948e" };

suite("api/adapters: goldens", async ({ test, assert, engine }) => {
  const cases = await adapterCases(engine);
  const included = ({ adapters }: AdapterCase) => "vision" in adapters || "speech" in adapters;
  const load = (one: AdapterCase, options: PhiOptions) => {
    const adapters = included(one)
      ? { vision: true as const, speech: true as const }
      : adapterFolders(engine, Object.keys(one.adapters));
    const base = included(one) ? "phi-4-multimodal-hub-names" : one.base;
    return loadPhi(baseSource(engine, base), { weights: "f32", adapters, ...options });
  };
  const all = (phi: Phi, { ids, adapters }: AdapterCase) => phi.forward(ids, { logits: "all", adapter: adapters });

  for (const one of cases) {
    for (const kernels of ["strict", "reference"] as const) {
      test(`${one.case}, over ${one.base}, ${kernels}: logits of all positions within ${BOUNDS[kernels]} of PEFT's and transformers' float32, and without adapters far from them`, async () => {
        const phi = await load(one, { kernels });
        assert.atMost(maxAbs(await all(phi, one), one.logits), BOUNDS[kernels]);
        const plain = await phi.forward(one.ids, { logits: "all" });
        assert.ok(maxAbs(plain, one.logits) > 0.1, "the adapters change something");
        await phi.dispose();
      });
    }

    test(`${one.case}: with none set, and with all at scale 0, every bit is that of the base; so it is after others were at work`, async () => {
      const base = await loadPhi(baseSource(engine, included(one) ? "phi-4-multimodal-hub-names" : one.base), {
        weights: "f32",
      });
      const expected = await base.forward(one.ids, { logits: "all" });
      const phi = await load(one, {});
      const zero = Object.fromEntries(Object.keys(one.adapters).map((name) => [name, 0]));
      assert.deepEqual(await phi.forward(one.ids, { logits: "all" }), expected, "none");
      assert.deepEqual(await phi.forward(one.ids, { logits: "all", adapter: zero }), expected, "scale 0");
      await all(phi, one);
      assert.deepEqual(await phi.forward(one.ids, { logits: "all", adapter: null }), expected, "afterwards");
      await Promise.all([base.dispose(), phi.dispose()]);
    });

    test(`${one.case}: the same bits in every cut of the prompt`, async () => {
      const phi = await load(one, {});
      const whole = await all(phi, one);
      for (const step of [1, 3, 7]) {
        const sequence = await phi.sequence({ adapter: one.adapters });
        const V = phi.config.vocabSize;
        for (let at = 0; at < one.ids.length; at += step) {
          const got = await sequence.forward(one.ids.slice(at, at + step), { logits: "all" });
          assert.deepEqual(got, whole.slice(at * V, at * V + got.length), `${step} at a time, from ${at}`);
        }
        await sequence.dispose();
      }
      await phi.dispose();
    });
  }

  for (const [weights, expected] of Object.entries(HASHES) as ["f32" | "q4", string][])
    test(`two at once over ${weights} weights: the logits have the bits ${expected} on every engine`, async () => {
      for (const kernels of BUILDS) {
        const one = cases.find((c) => c.case === "two at once") as AdapterCase;
        const phi = await load(one, { weights, kernels });
        assert.equal(hash(new Int32Array((await all(phi, one)).buffer)), expected, kernels);
        await phi.dispose();
      }
    });

  test("two adapters have the same bits in whatever order they are named", async () => {
    const one = cases.find((c) => c.case === "two at once") as AdapterCase;
    const phi = await load(one, {});
    const [a, b] = Object.entries(one.adapters);
    const got = await phi.forward(one.ids, { adapter: Object.fromEntries([b, a]) });
    assert.deepEqual(got, await phi.forward(one.ids, { adapter: Object.fromEntries([a, b]) }));
    await phi.dispose();
  });

  test("over quantized weights an adapter adds what it adds over float32 ones, within what the base itself loses", async () => {
    const one = cases.find((c) => c.case === "fused") as AdapterCase;
    const plain = await load(one, {});
    const exact = await plain.forward(one.ids, { logits: "all" });
    await plain.dispose();
    for (const weights of ["q8", "q4"] as const) {
      const phi = await load(one, { weights });
      const lost = maxAbs(await phi.forward(one.ids, { logits: "all" }), exact);
      assert.atMost(maxAbs(await all(phi, one), one.logits), 2.5 * lost, weights);
      assert.ok(maxAbs(exact, one.logits) > 4 * lost || weights === "q4", `${weights}: the adapter is more than that`);
      await phi.dispose();
    }
  });
});

suite("api/adapters: choosing", async ({ test, assert, engine }) => {
  const cases = await adapterCases(engine);
  const two = cases.find((c) => c.case === "two at once") as AdapterCase;
  const [a, b] = Object.keys(two.adapters);
  const load = (options: PhiOptions = {}) =>
    loadPhi(baseSource(engine, two.base), { weights: "f32", adapters: adapterFolders(engine, [a, b]), ...options });
  const logits = (phi: Phi) => phi.forward(two.ids, { logits: "all" });

  test("phi.adapters lists them with rank, matrices and bytes, which are part of phi.memory; phi.adapter says what is set", async () => {
    const phi = await load();
    const bare = await loadPhi(baseSource(engine, two.base), { weights: "f32" });
    assert.deepEqual(
      phi.adapters.map(({ name, rank, matrices }) => ({ name, rank, matrices })),
      [
        { name: a, rank: 4, matrices: 8 },
        { name: b, rank: 7, matrices: 4 },
      ],
    );
    const bytes = phi.adapters.reduce((sum, adapter) => sum + adapter.bytes, 0);
    assert.equal(phi.memory.weights - bare.memory.weights, bytes);
    assert.deepEqual(bare.adapters, []);
    assert.deepEqual(phi.adapter, {});
    phi.setAdapter(b, 0.25);
    assert.deepEqual(phi.adapter, { [b]: 0.25 });
    phi.setAdapter({ [b]: 1, [a]: 0 });
    assert.deepEqual(phi.adapter, { [b]: 1 });
    phi.setAdapter(null);
    assert.deepEqual(phi.adapter, {});
    await Promise.all([phi.dispose(), bare.dispose()]);
  });

  for (const worker of engine.features.workers && engine.name === "node" ? [false, true] : [false]) {
    test(`${worker ? "off-thread" : "in-thread"}: setAdapter holds for calls that are made afterwards; a sequence, its forks and a generation keep what was set when they were made`, async () => {
      const phi = await load({ worker });
      const none = await logits(phi);
      phi.setAdapter(two.adapters);
      const both = await logits(phi);
      assert.atMost(maxAbs(both, two.logits), 3e-4);
      const sequence = await phi.sequence();
      const generation = phi.generate(two.ids, { maxTokens: 6, seed: 1 });
      phi.setAdapter(null);
      assert.deepEqual(await logits(phi), none);
      const fork = await sequence.fork();
      assert.deepEqual(await sequence.forward(two.ids, { logits: "all" }), both, "the sequence");
      assert.deepEqual(await fork.forward(two.ids, { logits: "all" }), both, "its fork");
      const [kept, expected, without] = await Promise.all([
        generation.result(),
        phi.generate(two.ids, { maxTokens: 6, seed: 1, adapter: two.adapters }).result(),
        phi.generate(two.ids, { maxTokens: 6, seed: 1 }).result(),
      ]);
      assert.deepEqual(kept.ids, expected.ids);
      assert.ok(kept.ids.join() !== without.ids.join(), "the answers differ");
      await phi.dispose();
    });
  }

  test("calls with other adapters that go on side by side have the bits that each has alone", async () => {
    const choices = [null, a, b, { [a]: 1, [b]: 0.75 }, { [a]: -0.5 }] as const;
    const alone = [];
    for (const adapter of choices) {
      const phi = await load();
      alone.push((await phi.generate(two.ids, { maxTokens: 12, adapter }).result()).ids);
      await phi.dispose();
    }
    const phi = await load({ kvTokens: 1024 });
    const together = await Promise.all(
      choices.map((adapter) => phi.generate(two.ids, { maxTokens: 12, adapter }).result()),
    );
    assert.deepEqual(
      together.map(({ ids }) => ids),
      alone,
    );
    assert.equal(new Set(alone.map(String)).size, choices.length, "all answers differ");
    await phi.dispose();
  });

  test("a prefix is reused by calls with the same adapters and scales, and by no others", async () => {
    const phi = await load({ kvTokens: 1024 });
    const cached = async (adapter: PhiAdapter) =>
      (await phi.generate(two.ids, { maxTokens: 1, adapter }).result()).usage.cachedTokens;
    const choices = [null, a, b, { [a]: 0.5 }, { [a]: 1, [b]: 1 }];
    for (const choice of choices)
      assert.equal(await cached(choice), 0, `the first time with ${JSON.stringify(choice)}`);
    for (const choice of choices)
      assert.equal(await cached(choice), two.ids.length - 1, `again ${JSON.stringify(choice)}`);
    assert.equal(await cached({ [a]: 0 }), two.ids.length - 1, "scale 0 is none");
    assert.equal(await cached({ [b]: 1, [a]: 1 }), two.ids.length - 1, "in another order");
    await phi.dispose();
  });

  test("an unknown name, a scale that is no number and what is no choice are OptionErrors, which name what there is", async () => {
    const phi = await load();
    assert.throws(
      () => phi.setAdapter("sql"),
      OptionError,
      /setAdapter: there is no such adapter; got "sql"; expected one of phi-4-a, phi-4-b/,
    );
    assert.throws(() => phi.setAdapter(a, Number.NaN), OptionError, /setAdapter: the scale of adapter "phi-4-a"/);
    assert.throws(() => phi.setAdapter({ [a]: "1" as unknown as number }), OptionError, /the scale of adapter/);
    assert.throws(() => phi.setAdapter(undefined as unknown as null), OptionError, /setAdapter/);
    assert.throws(() => phi.generate([1], { adapter: 3 as unknown as string }), OptionError, /generate: adapter/);
    await assert.rejects(phi.forward([1], { adapter: "x" }), OptionError, /forward: there is no such adapter/);
    await assert.rejects(phi.sequence({ adapter: "x" }), OptionError, /sequence: there is no such adapter/);
    const sequence = await phi.sequence();
    await assert.rejects(sequence.forward([1], { adapter: a } as object), OptionError, /unknown option "adapter"/);
    assert.deepEqual(phi.adapter, {});
    await phi.dispose();
    const bare = await loadPhi(baseSource(engine, two.base));
    assert.throws(() => bare.setAdapter(a), OptionError, /expected null: none was loaded/);
    await bare.dispose();
  });
});

type PhiAdapter = NonNullable<Parameters<Phi["forward"]>[1]>["adapter"];
