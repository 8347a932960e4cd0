import { suite } from "../harness.ts";
import { promptOf, sequences } from "./setup.ts";

suite("generate/chunks", ({ test, assert }) => {
  const opened = () => {
    const { open, decoder } = sequences({ maxChunk: 64, blocks: 64, turns: true });
    return { open, lengths: () => decoder.steps.splice(0).map(({ ids }) => ids.length) };
  };

  test("a prompt alone goes in the longest chunks, also after sequences that were disposed of", async () => {
    const { open, lengths } = opened();
    const first = open();
    await first.forward(promptOf(150));
    assert.deepEqual(lengths(), [64, 64, 22]);
    first.dispose();
    await open().forward(promptOf(70, 2));
    assert.deepEqual(lengths(), [64, 6]);
  });

  test("while another sequence writes, no step of a prompt takes more than 32 tokens", async () => {
    const { open, lengths } = opened();
    const writer = open();
    await writer.forward([1]);
    lengths();
    let done = false;
    const prompt = open().forward(promptOf(190));
    prompt.finally(() => {
      done = true;
    });
    while (!done) await writer.forward([2]);
    await prompt;
    const taken = lengths().filter((n) => n > 1);
    assert.equal(
      taken.reduce((sum, n) => sum + n),
      190,
    );
    assert.deepEqual([...new Set(taken.slice(0, -1))], [32]);
  });

  test("a prompt whose neighbour falls silent goes on in the longest chunks", async () => {
    const { open, lengths } = opened();
    await open().forward([1]);
    await open().forward(promptOf(170));
    assert.deepEqual(lengths(), [1, 32, 64, 64, 10]);
  });
});
