import type { ForwardOptions } from "../../src/generate/sequence.ts";
import { suite } from "../harness.ts";
import { expectedLogits } from "./hash-decoder.ts";
import { promptOf as idsOf, sequenceOn, sequences as setup, V } from "./setup.ts";

const last = (logits: Float32Array) => logits.slice(-V);

suite("generate/longrope", ({ test, assert }) => {
  test("LongRoPE: the regime is that of the length at the end of the caller's forward, shared by all its chunks", async () => {
    const { open, decoder } = setup({ switchAt: 48 });
    const ids = idsOf(60);
    assert.deepEqual(
      await open().forward(ids.slice(0, 48), { logits: "all" }),
      expectedLogits(ids.slice(0, 48), "short"),
    );
    decoder.steps.length = 0;
    assert.deepEqual(await open().forward(ids, { logits: "all" }), expectedLogits(ids, "long"));
    assert.ok(decoder.steps.every(({ regime }) => regime === "long"));
  });

  test("LongRoPE: crossing the switch computes everything again, once, and reports it; truncating below goes back", async () => {
    const { open, decoder } = setup({ switchAt: 48 });
    const seq = open();
    const ids = idsOf(50);
    await seq.forward(ids.slice(0, 48), { logits: "none" });
    decoder.computed();
    const events: unknown[] = [];
    const options: ForwardOptions = { onReprefill: (event) => events.push(event) };
    assert.deepEqual(await seq.forward([ids[48]], options), last(expectedLogits(ids.slice(0, 49), "long")));
    assert.equal(decoder.computed(), 49);
    assert.deepEqual(await seq.forward([ids[49]], options), last(expectedLogits(ids, "long")));
    assert.equal(decoder.computed(), 1);
    await seq.truncate(20);
    const short = [...ids.slice(0, 20), 1, 2];
    assert.deepEqual(await seq.forward([1, 2], options), last(expectedLogits(short, "short")));
    assert.equal(decoder.computed(), 22);
    assert.deepEqual(events, [
      { regime: "long", length: 49, tokens: 48 },
      { regime: "short", length: 22, tokens: 20 },
    ]);
  });

  test("LongRoPE: a forward that crosses the switch in the middle gives the long set's logits for its new tokens", async () => {
    const { open } = setup({ switchAt: 48 });
    const seq = open();
    const ids = idsOf(75);
    await seq.forward(ids.slice(0, 30), { logits: "none" });
    assert.deepEqual(await seq.forward(ids.slice(30), { logits: "all" }), expectedLogits(ids, "long").slice(30 * V));
  });

  test('LongRoPE: rope "long" takes the long set from the start', async () => {
    const { engine } = setup({ switchAt: 48 });
    const seq = sequenceOn(engine, "long");
    assert.deepEqual(await seq.forward(idsOf(9), { logits: "all" }), expectedLogits(idsOf(9), "long"));
  });
});
