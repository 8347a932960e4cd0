import { loadPhi, OptionError, type Phi } from "../../src/index.ts";
import { goldenSource } from "../golden.ts";
import { suite, unless } from "../harness.ts";
import { randomSource } from "../random.ts";
import { MODES, noMode } from "./phi-tiny.ts";

/**
 * Random models of each architecture that has LongRoPE, with their switch and V: R = dh, R = 0.75 dh with shared key heads, a scale of its own for
 * each set of factors, blocksparse layers.
 */
const MODELS = [
  ["phi-3-mini-128k", 32, 320],
  ["phi-4-mini", 32, 320],
  ["phi-3.5-moe", 32, 320],
  ["phi-4-multimodal", 32, 320],
  ["phi-3-small-128k", 64, 192],
] as const;

/** The lowest id of the greatest logit. */
const greatest = (logits: Float32Array): number => logits.indexOf(Math.max(...logits));

suite("api/longrope", ({ test, assert, engine }) => {
  for (const [name, SWITCH, V] of MODELS) {
    const idsOf = (n: number, seed = 1): number[] => {
      const random = randomSource(seed);
      return Array.from({ length: n }, () => Math.floor(random() * V));
    };
    const load = (options = {}) => loadPhi(goldenSource(engine, name), { weights: "f32", ...options });

    /** Logits [V] of the last of `ids`, computed from nothing by a model that has seen nothing else. */
    async function cold(ids: readonly number[]): Promise<Float32Array> {
      const phi = await load();
      const logits = await phi.forward(ids);
      await phi.dispose();
      return logits;
    }

    test(`${name}: one below, at and one above the switch, however the tokens are cut into forwards, the last logits have the bits of one forward`, async () => {
      const phi = await load();
      for (const n of [SWITCH - 1, SWITCH, SWITCH + 1, SWITCH + 20]) {
        const ids = idsOf(n);
        const expected = await cold(ids);
        for (const cut of [1, 7, SWITCH - 1, SWITCH, n - 1]) {
          const sequence = await phi.sequence();
          let logits = new Float32Array();
          let crossed = 0;
          for (let at = 0; at < n; at += cut) {
            const part = ids.slice(at, at + cut);
            logits = (await sequence.forward(part, { onReprefill: () => crossed++ })) as Float32Array<ArrayBuffer>;
          }
          assert.deepEqual(logits, expected, `${n} tokens by ${cut}`);
          assert.equal(crossed, n > SWITCH && cut <= SWITCH ? 1 : 0, `${n} tokens by ${cut}: crossings that are told`);
          await sequence.dispose();
        }
      }
      await phi.dispose();
    });

    test(`${name}: a fork that crosses leaves the other where it was; cut back below the switch, the short factors count again`, async () => {
      const phi = await load();
      const start = idsOf(SWITCH - 2);
      const one = await phi.sequence();
      await one.forward(start, { logits: "none" });
      const other = await one.fork();
      const more = idsOf(5, 2);
      assert.deepEqual(await one.forward(more), await cold([...start, ...more]), "past the switch");
      assert.deepEqual(await other.forward([7]), await cold([...start, 7]), "below it");
      const third = await one.fork();
      await one.truncate(20);
      assert.deepEqual(await one.forward([8]), await cold([...start.slice(0, 20), 8]), "cut back");
      assert.deepEqual(await third.forward([9]), await cold([...start, ...more, 9]), "a fork of what was past it");
      await phi.dispose();
    });

    test(`${name}: what is written across the switch are the tokens that computing from nothing at every length gives: by generate, by generate once more over what is cached, and token by token in a fork of a sequence read by sevens`, async () => {
      const phi = await load();
      const prompt = idsOf(SWITCH - 4, 3);
      const expected: number[] = [];
      for (let i = 0; i < 8; i++) expected.push(greatest(await cold([...prompt, ...expected])));
      const write = () => phi.generate(prompt, { maxTokens: 8, ignoreEos: true }).result();
      assert.deepEqual((await write()).ids, expected);
      const again = await write();
      assert.deepEqual(again.ids, expected, "once more");
      const sequence = await phi.sequence();
      for (let at = 0; at < prompt.length - 1; at += 7)
        await sequence.forward(prompt.slice(at, Math.min(at + 7, prompt.length - 1)), { logits: "none" });
      const fork = await sequence.fork();
      const written: number[] = [];
      for (let next = prompt[prompt.length - 1]; written.length < 8; next = written[written.length - 1])
        written.push(greatest(await fork.forward([next])));
      assert.deepEqual(written, expected, "in a fork");
      await phi.dispose();
    });

    test(`${name}: prefixes of earlier calls, computed with either set, change no bit`, async () => {
      const phi = await load();
      const ids = idsOf(SWITCH + 28);
      for (const n of [-1, 8, 0, 1, 28, -7, 2].map((more) => SWITCH + more))
        assert.deepEqual(await phi.forward(ids.slice(0, n)), await cold(ids.slice(0, n)), `${n}`);
      await phi.dispose();
    });

    test(`${name}: with rope "long" the last logits have the bits of one forward with the long set, however the tokens are cut, in forks, cut back, and over prefixes of calls with either set; no crossing is told`, async () => {
      const ids = idsOf(SWITCH + 8);
      const long = await load({ rope: "long" });
      /** Logits of the first n tokens by the long set, from nothing. */
      const expected = async (some: readonly number[]) => {
        const phi = await load({ rope: "long" });
        const logits = await phi.forward(some);
        await phi.dispose();
        return logits;
      };
      const told: unknown[] = [];
      const onReprefill = (event: unknown) => told.push(event);
      for (const n of [SWITCH - 1, SWITCH, SWITCH + 1]) {
        for (const cut of [1, 7, SWITCH]) {
          const sequence = await long.sequence();
          let logits = new Float32Array();
          for (let at = 0; at < n; at += cut)
            logits = (await sequence.forward(ids.slice(at, Math.min(at + cut, n)), { onReprefill })) as typeof logits;
          assert.deepEqual(logits, await expected(ids.slice(0, n)), `${n} tokens by ${cut}`);
          await sequence.dispose();
        }
      }
      const one = await long.sequence();
      await one.forward(ids.slice(0, SWITCH - 2), { logits: "none" });
      const fork = await one.fork();
      assert.deepEqual(await one.forward(ids.slice(SWITCH - 2), { onReprefill }), await expected(ids));
      assert.deepEqual(await fork.forward([7], { onReprefill }), await expected([...ids.slice(0, SWITCH - 2), 7]));
      await one.truncate(20);
      assert.deepEqual(await one.forward([8], { onReprefill }), await expected([...ids.slice(0, 20), 8]));
      assert.deepEqual(told, []);

      // A model that takes the set by length, and calls of it that ask for the long one: neither reads the other's cache.
      const auto = await load();
      const begun = ids.slice(0, SWITCH - 7);
      const short = await auto.forward(begun);
      const asked = await auto.sequence({ rope: "long" });
      assert.deepEqual(await asked.forward(begun), await expected(begun), "long after short");
      await asked.dispose();
      assert.deepEqual(await auto.forward(begun), short, "short after long");
      await Promise.all([long.dispose(), auto.dispose()]);
    });

    for (const mode of MODES) {
      unless(noMode(mode, engine), test)(
        `${name}, ${mode.where}: loaded with rope "long" a model has the long set's logits at any length and never computes again; the others tell of the switch while they write`,
        async () => {
          const [auto, long] = [await load({ worker: mode.worker }), await load({ worker: mode.worker, rope: "long" })];
          const ids = idsOf(SWITCH - 4);
          const asked = await auto.sequence({ rope: "long" });
          assert.deepEqual(await long.forward(ids), await asked.forward(ids));
          const write = async (phi: Phi, rope?: "long") => {
            const told: unknown[] = [];
            const options = { maxTokens: 10, ignoreEos: true, rope, onReprefill: (event: unknown) => told.push(event) };
            const { ids: answer, reprefills } = await phi.generate(ids, options).result();
            assert.deepEqual(told, reprefills);
            return { answer, reprefills };
          };
          assert.deepEqual(await write(long), await write(auto, "long"));
          assert.deepEqual((await write(long)).reprefills, []);
          assert.deepEqual((await write(auto)).reprefills, [{ regime: "long", length: SWITCH + 1, tokens: SWITCH }]);
          await Promise.all([auto.dispose(), long.dispose()]);
        },
      );
    }
  }

  test('a model without LongRoPE refuses rope "long", at loading and in a call', async () => {
    const source = goldenSource(engine, "phi-3-mini-4k");
    await assert.rejects(loadPhi(source, { rope: "long" }), OptionError, /"rope".*no LongRoPE/s);
    await assert.rejects(loadPhi(source, { rope: "short" as "long" }), OptionError, /"rope"/);
    const phi = await loadPhi(source);
    await assert.rejects(phi.sequence({ rope: "long" }), OptionError, /"rope".*no LongRoPE/s);
    await phi.dispose();
  });
});
