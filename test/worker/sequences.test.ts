import { ContextError, DisposedError } from "../../src/errors.ts";
import type { ForwardOptions } from "../../src/generate/sequence.ts";
import { expectedLogits } from "../generate/hash-decoder.ts";
import { promptOf, setup, V } from "../generate/setup.ts";
import { suite } from "../harness.ts";

const last = (logits: Float32Array) => logits.slice(-V);

suite("worker/sequences", ({ test, assert }) => {
  const rig = () => setup({ offThread: true, contextSize: 512, switchAt: 55 });

  test("logits of all, the last and no position are those of the engine itself; the caller may keep them", async () => {
    const { open } = rig();
    const seq = await open();
    const ids = promptOf(40);
    const all = await seq.forward(ids.slice(0, 30), { logits: "all" });
    const one = await seq.forward(ids.slice(30));
    assert.equal((await seq.forward([1], { logits: "none" })).length, 0);
    assert.deepEqual(all, expectedLogits(ids.slice(0, 30), "short"));
    assert.deepEqual(one, last(expectedLogits(ids, "short")));
    assert.deepEqual(seq.tokens, [...ids, 1]);
  });

  test("an abort at any step leaves caller and worker with the same tokens: the old ones, or where the work was done all", async () => {
    for (let after = 1; after <= 10; after++) {
      for (const turns of [false, true]) {
        const { open, decoder } = setup({ offThread: true, contextSize: 512, turns });
        const seq = await open();
        const ids = promptOf(70);
        await seq.forward(ids.slice(0, 20), { logits: "none" });
        const control = new AbortController();
        const reason = { after };
        let n = 0;
        decoder.onStep = () => {
          if (++n === after) control.abort(reason);
        };
        const outcome = await seq.forward(ids.slice(20), { signal: control.signal }).catch((error: unknown) => error);
        decoder.onStep = undefined;
        if (!(outcome instanceof Float32Array)) assert.equal(outcome, reason);
        assert.equal(seq.length, outcome instanceof Float32Array ? 70 : 20);
        const now = [...seq.tokens, 3];
        assert.deepEqual(await seq.forward([3]), last(expectedLogits(now, "short")));
      }
    }
  });

  test("a callback that throws, at the first event or the last, rejects the forward with what it threw; the sequence is as it was", async () => {
    const ids = promptOf(60); // crosses the switch: 9 chunks, and a reprefill
    for (const name of ["onProgress", "onReprefill"] as const) {
      for (let at = 1; at <= (name === "onProgress" ? 9 : 1); at++) {
        const { open } = rig();
        const seq = await open();
        await seq.forward(ids.slice(0, 50), { logits: "none" });
        let events = 0;
        const thrown = new RangeError(`event ${at}`);
        const options: ForwardOptions = {
          [name]: () => {
            if (++events === at) throw thrown;
          },
        };
        assert.equal(await assert.rejects(seq.forward(ids.slice(50), options)), thrown);
        assert.equal(events, at);
        assert.deepEqual(seq.tokens, ids.slice(0, 50));
        assert.deepEqual(await seq.forward([4]), last(expectedLogits([...ids.slice(0, 50), 4], "short")));
      }
    }
  });

  test("calls run in their order, forks are independent, dispose frees all and ends what is pending, a second one does nothing", async () => {
    const { open, leaks } = rig();
    const seq = await open();
    const ids = promptOf(50);
    const calls = [seq.forward(ids, { logits: "none" }), seq.truncate(30), seq.fork(), seq.forward([7])] as const;
    assert.deepEqual(await calls[3], last(expectedLogits([...ids.slice(0, 30), 7], "short")));
    const fork = await calls[2];
    assert.deepEqual(await fork.forward([8]), last(expectedLogits([...ids.slice(0, 30), 8], "short")));
    const pending = seq.forward(promptOf(100));
    pending.catch(() => {});
    await seq.dispose();
    await assert.rejects(pending, DisposedError);
    await assert.rejects(seq.forward([1]), DisposedError);
    assert.throws(() => seq.length, DisposedError);
    await fork.dispose();
    await fork.dispose();
    assert.equal(leaks(), 0);
  });

  test("errors keep class, code and fields: a full context, a full pool", async () => {
    const { open } = setup({ offThread: true, blocks: 2, contextSize: 100 });
    const [one, two] = [await open(), await open()];
    await one.forward(promptOf(40), { logits: "none" });
    const pool = await assert.rejects(two.forward(promptOf(10)), ContextError, /KV pool.*larger kvTokens/);
    assert.equal((pool as ContextError).code, "kv_full");
    const context = await assert.rejects(one.forward(promptOf(70)), ContextError, /110/);
    assert.equal((context as ContextError).code, "context_full");
    assert.equal(one.length, 40);
  });
});
