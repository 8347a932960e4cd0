import { loadTokenizer, type Tokenizer } from "phi-ts/tokenizer";
import { folder, hasShared, readFixtureJson } from "../fixtures.ts";
import { suite } from "../harness.ts";

interface Golden {
  cases: { id: number; text: string; ids: number[]; ids_special: number[]; decoded: string; decoded_skip: string }[];
  decode: {
    id: string;
    ids: number[];
    text: string;
    text_skip: string;
    stream: (string | null)[];
    stream_skip: (string | null)[];
  }[];
}

/** Golden encodings made by HF's `tokenizers` 0.23.2 from the real (phi-4*: rebuilt) tokenizer.json; see each file's "source". */
const NAMES = ["phi-2", "phi-3-mini-4k", "phi-3-mini-128k", "phi-3-vision", "phi-4", "phi-4-mini", "phi-4-multimodal"];

/** A lone surrogate cannot stand in Python's text, so the goldens have none. */
suite("tokenizer goldens", async ({ test, assert, engine }) => {
  for (const name of NAMES) {
    const files = folder(engine, `shared/tokenizers/${name}`);
    const golden = await readFixtureJson<Golden>(engine, `tokenizers/${name}/golden.json`);
    const title = `${name}: all ${golden.cases.length} texts give the ids and all ids the texts of HF tokenizers`;
    const streams = `${name}: all ${golden.decode.length} streams give HF's pieces, id by id`;
    if (!(await hasShared(engine, `tokenizers/${name}/tokenizer.json`))) {
      test.skip(title, "shared/tokenizers is not there");
      test.skip(streams, "shared/tokenizers is not there");
      continue;
    }
    // Loaded for the first test, and let go by the second.
    let loaded: Promise<Tokenizer> | undefined;
    test(title, async () => {
      loaded ??= loadTokenizer(files);
      const tokenizer = await loaded;
      for (const { id, text, ids, ids_special, decoded, decoded_skip } of golden.cases) {
        const note = `case ${id} ${JSON.stringify(text.slice(0, 60))}`;
        const plain = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
        assert.deepEqual(plain, ids, note);
        assert.deepEqual(tokenizer.encode(text, { parseSpecialTokens: true }), ids_special, `${note}, special`);
        assert.equal(tokenizer.decode(ids), decoded, note);
        assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), decoded_skip, note);
      }
      for (const { id, ids, text, text_skip } of golden.decode) {
        assert.equal(tokenizer.decode(ids), text, id);
        assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), text_skip, id);
      }
    });
    test(streams, async () => {
      const tokenizer = await (loaded ?? loadTokenizer(files));
      loaded = undefined;
      for (const { id, ids, stream, stream_skip } of golden.decode) {
        for (const [skipSpecialTokens, expected] of [
          [false, stream],
          [true, stream_skip],
        ] as const) {
          const out = tokenizer.stream({ skipSpecialTokens });
          const pieces = ids.map((token) => out.push(token) || null);
          assert.deepEqual(pieces, expected as (string | null)[], id);
        }
      }
    });
  }
});
