import { createTokenizer } from "phi-ts/tokenizer";
import { readFixtureJson } from "../fixtures.ts";
import { suite } from "../harness.ts";

/** Made by test/fixtures/tools/tokenizer-cases.py with HF's `tokenizers`, which says what the fields are. */
interface Variant {
  name: string;
  model: string;
  file: { model: object; [part: string]: unknown };
  ids: number[][];
  framed: (number[] | null)[];
  plain: (number[] | null)[];
  decoded: (string | null | false)[];
  skipped: (string | null | false)[];
  decode: [ids: number[], text: string | false, stream: (string | null)[] | null][];
}

suite("tokenizer features", async ({ test, assert, engine }) => {
  const read = <T>(name: string) => readFixtureJson<T>(engine, `tokenizers/features/${name}`);
  const texts = await read<string[]>("texts.json");
  const models = await read<Record<string, object>>("models.json");
  for (const { name, model, file, ...expected } of await read<Variant[]>("variants.json")) {
    test(`${name}: ${texts.length} texts give HF's ids, parsed and plain, and ids HF's texts`, () => {
      const tokenizer = createTokenizer({ tokenizer: { ...file, model: { ...models[model], ...file.model } } });
      texts.forEach((text, i) => {
        const ids = expected.ids[i];
        const note = `text ${i} ${JSON.stringify(text)}`;
        const parsed = { parseSpecialTokens: true };
        assert.deepEqual(tokenizer.encode(text, { addSpecialTokens: false, ...parsed }), ids, note);
        assert.deepEqual(tokenizer.encode(text, parsed), expected.framed[i] ?? ids, `${note} framed`);
        assert.deepEqual(
          tokenizer.encode(text, { addSpecialTokens: false }),
          expected.plain[i] ?? ids,
          `${note} plain`,
        );
        const decoded = expected.decoded[i] ?? text;
        if (decoded === false) return;
        assert.equal(tokenizer.decode(ids), decoded, note);
        assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), expected.skipped[i] ?? decoded, note);
        const stream = tokenizer.stream();
        const pieces = ids.map((id) => stream.push(id));
        assert.equal(pieces.join("") + stream.end(), decoded, `${note} streamed`);
      });
      for (const [ids, text] of expected.decode) {
        if (text !== false) assert.equal(tokenizer.decode(ids), text, JSON.stringify(ids));
      }
    });
  }
});
