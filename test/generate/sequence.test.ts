import { ContextError, DisposedError, OptionError } from "../../src/errors.ts";
import type { ForwardOptions } from "../../src/generate/sequence.ts";
import { suite } from "../harness.ts";
import { expectedLogits } from "./hash-decoder.ts";
import { promptOf as idsOf, sequences as setup, V } from "./setup.ts";

const last = (logits: Float32Array) => logits.slice(-V);

suite("generate/sequence", ({ test, assert }) => {
  test("logits of all, the last and no positions have T·V, V and 0 values and are those of the whole sequence, bit for bit", async () => {
    for (const T of [1, 6, 7, 8, 31, 32, 33, 64, 100]) {
      const { open } = setup();
      const ids = idsOf(T);
      const expected = expectedLogits(ids, "short");
      assert.deepEqual(await open().forward(ids, { logits: "all" }), expected, `T = ${T}`);
      assert.deepEqual(await open().forward(ids), last(expected));
      assert.equal((await open().forward(ids, { logits: "none" })).length, 0);
    }
  });

  test("any cut of a prompt into forwards gives the same bits", async () => {
    const { open } = setup();
    const ids = idsOf(90);
    const expected = expectedLogits(ids, "short");
    for (const cut of [1, 5, 32, 40, 89]) {
      const seq = open();
      await seq.forward(ids.slice(0, cut), { logits: "none" });
      assert.equal(seq.length, cut);
      assert.deepEqual(await seq.forward(ids.slice(cut), { logits: "all" }), expected.slice(cut * V));
      assert.deepEqual(seq.tokens, ids);
      await seq.dispose();
    }
  });

  test("truncate forgets tokens, and other tokens after it give the logits of the new sequence", async () => {
    const { open } = setup();
    for (const n of [0, 1, 31, 32, 33, 63, 64, 80]) {
      const seq = open();
      await seq.forward(idsOf(80), { logits: "none" });
      await seq.truncate(n);
      assert.equal(seq.length, n);
      const rest = idsOf(20, 3);
      const all = [...idsOf(80).slice(0, n), ...rest];
      assert.deepEqual(await seq.forward(rest, { logits: "all" }), expectedLogits(all, "short").slice(n * V));
      await seq.dispose();
    }
  });

  test("truncate refuses lengths that are not from 0 to the sequence's", async () => {
    const seq = setup().open();
    await seq.forward(idsOf(5));
    for (const bad of [6, -1, 1.5, Number.NaN, "3", undefined]) {
      await assert.rejects(seq.truncate(bad as number), OptionError);
    }
    assert.equal(seq.length, 5);
  });

  test("forks share full blocks, copy the half-filled last one when it is first written, and stay independent", async () => {
    const { open, decoder } = setup();
    const seq = open();
    const ids = idsOf(70); // 2 full blocks and one of 6
    await seq.forward(ids, { logits: "none" });
    assert.equal(decoder.pool.freeBlocks, 13);
    const fork = await seq.fork();
    assert.equal(decoder.pool.freeBlocks, 13, "a fork takes no block");
    assert.deepEqual(await fork.forward([3]), last(expectedLogits([...ids, 3], "short")));
    assert.equal(decoder.pool.freeBlocks, 12, "its first write copies one block");
    assert.deepEqual(await seq.forward([9]), last(expectedLogits([...ids, 9], "short")));
    assert.equal(decoder.pool.freeBlocks, 12, "the other is then the only owner and writes in place");
    assert.deepEqual(await fork.forward([4]), last(expectedLogits([...ids, 3, 4], "short")));
    await seq.dispose();
    assert.deepEqual(await fork.forward([5]), last(expectedLogits([...ids, 3, 4, 5], "short")), "outlives its parent");
  });

  test("outgrowing contextSize is a ContextError with the sizes, before any step, and changes nothing", async () => {
    const { open, decoder } = setup({ contextSize: 40 });
    const seq = open();
    await seq.forward(idsOf(30), { logits: "none" });
    decoder.computed();
    const error = await assert.rejects(seq.forward(idsOf(11)), ContextError, /30 tokens and 11 new ones are 41.*40/);
    assert.equal((error as ContextError).code, "context_full");
    assert.equal(decoder.computed(), 0);
    assert.equal(seq.length, 30);
    await seq.forward(idsOf(10));
    assert.equal(seq.length, 40);
  });

  test("a pool without blocks is a ContextError kv_full with the sizes for the sequence that asks; the others go on", async () => {
    const { open } = setup({ blocks: 4 });
    const a = open();
    const b = open();
    await a.forward(idsOf(64), { logits: "none" });
    await b.forward(idsOf(40, 2), { logits: "none" });
    const error = await assert.rejects(b.forward(idsOf(25)), ContextError, /65 tokens.*3 blocks.*4 blocks.*hold 2/);
    assert.equal((error as ContextError).code, "kv_full");
    assert.equal(b.length, 40);
    assert.deepEqual(await b.forward([1]), last(expectedLogits([...idsOf(40, 2), 1], "short")));
    await a.dispose();
    assert.equal((await b.forward(idsOf(25))).length, V);
  });

  test("ids that are no ids are an OptionError that names the position", async () => {
    const seq = setup().open();
    for (const bad of [
      [1, V],
      [0, -1],
      [0, 1.5],
      [0, Number.NaN],
      [0, "1"],
      [0, undefined],
    ]) {
      await assert.rejects(seq.forward(bad as number[]), OptionError, /position 1/);
    }
    for (const bad of [[], "12", undefined, 3, { length: 1 }])
      await assert.rejects(seq.forward(bad as number[]), OptionError);
    await assert.rejects(seq.forward([1], { logit: "all" } as ForwardOptions), OptionError, /logit/);
    await assert.rejects(seq.forward([1], { logits: "some" as "all" }), OptionError, /some/);
    assert.equal(seq.length, 0);
    assert.equal((await seq.forward(Int32Array.of(1, 2))).length, V);
    assert.equal((await seq.forward(Uint16Array.of(1, 2))).length, V);
  });

  test("a step that fails leaves length, tokens and later logits as they were", async () => {
    const { open, decoder } = setup();
    const seq = open();
    const ids = idsOf(40);
    await seq.forward(ids, { logits: "none" });
    for (const failing of [1, 2, 3]) {
      let n = 0;
      decoder.onStep = () => {
        if (++n === failing) throw new RangeError("trap");
      };
      await assert.rejects(seq.forward(idsOf(20, 5)), RangeError);
      decoder.onStep = undefined;
      assert.deepEqual(seq.tokens, ids);
    }
    assert.deepEqual(await seq.forward([2]), last(expectedLogits([...ids, 2], "short")));
  });

  test("an abort before or inside a forward rejects with the signal's reason at the next chunk, and leaves the sequence as it was", async () => {
    const ids = idsOf(60);
    for (let after = 0; after < 9; after++) {
      const { open, decoder } = setup({ switchAt: 55 });
      const seq = open();
      await seq.forward(ids.slice(0, 50), { logits: "none" });
      decoder.computed();
      const control = new AbortController();
      const reason = new Error("enough");
      let n = 0;
      decoder.onStep = () => {
        if (n++ === after - 1) control.abort(reason);
      };
      if (after === 0) control.abort(reason);
      // crosses the switch: 9 chunks, all computed again
      const got = await assert.rejects(seq.forward(ids.slice(50), { signal: control.signal }));
      assert.equal(got, reason);
      assert.equal(n, after, "no step after the abort");
      assert.deepEqual(seq.tokens, ids.slice(0, 50));
      assert.deepEqual(await seq.forward([4]), last(expectedLogits([...ids.slice(0, 50), 4], "short")));
    }
  });

  test("calls on one sequence run in the order in which they were made", async () => {
    const { open } = setup();
    const seq = open();
    const ids = idsOf(60);
    const calls = [
      seq.forward(ids.slice(0, 20), { logits: "none" }),
      seq.forward(ids.slice(20, 40), { logits: "none" }),
      seq.truncate(30),
      seq.fork(),
      seq.forward([7]),
    ] as const;
    assert.deepEqual(await calls[4], last(expectedLogits([...ids.slice(0, 30), 7], "short")));
    const fork = await calls[3];
    assert.equal(fork.length, 30);
    assert.deepEqual(await fork.forward([8]), last(expectedLogits([...ids.slice(0, 30), 8], "short")));
  });

  test("steps of several sequences alternate: none waits for another's whole forward", async () => {
    const { open, decoder } = setup();
    const long = open().forward(idsOf(70), { logits: "none" });
    const short = open().forward([1]);
    await short;
    assert.atMost(decoder.steps.length, 3);
    await long;
  });

  test("dispose during a forward: it and those behind it reject with DisposedError, all blocks come back", async () => {
    const { open, decoder, engine } = setup();
    const seq = open();
    let n = 0;
    decoder.onStep = () => {
      if (++n === 2) queueMicrotask(() => void seq.dispose());
    };
    const calls = [seq.forward(idsOf(60)), seq.forward([1]), seq.truncate(0), seq.fork()];
    for (const call of calls) call.catch(() => {});
    for (const call of calls) await assert.rejects(call, DisposedError);
    await assert.rejects(seq.forward([1]), DisposedError);
    await seq.dispose();
    engine.room.prefixes.clear();
    assert.equal(decoder.pool.freeBlocks, decoder.pool.blocks);
  });

  test("disposing of the engine ends what runs, and rows of it are disposed of too", async () => {
    const { open, decoder, engine } = setup();
    const seq = open();
    let n = 0;
    decoder.onStep = () => {
      if (++n === 2) queueMicrotask(() => engine.dispose());
    };
    await assert.rejects(seq.forward(idsOf(60)), DisposedError);
    await assert.rejects(seq.forward([1]), DisposedError);
    assert.equal(decoder.pool.freeBlocks, decoder.pool.blocks);
    assert.ok(decoder.disposed);
  });
});
