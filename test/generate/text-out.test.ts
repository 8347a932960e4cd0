import { TextOut } from "../../src/generate/text-out.ts";
import { loadTokenizer } from "../../src/tokenizer/index.ts";
import { folder, hasShared, phiTinyFolder } from "../fixtures.ts";
import { suite } from "../harness.ts";

const all = (out: TextOut, ids: readonly number[]) => ids.map((id) => out.push(id)).join("") + out.end();

suite("generate/text-out", async ({ test, assert, engine }) => {
  test("the text of a continuation and that of its prompt are the text of both, wherever they are cut (byte-level)", async () => {
    const tokenizer = await loadTokenizer(phiTinyFolder(engine));
    const text = "Mia has 12 apples — and 3 pears. Größe 😀!";
    const ids = tokenizer.encode(text);
    for (let cut = 1; cut < ids.length; cut++) {
      const rest = all(new TextOut(tokenizer, [], ids.slice(0, cut)), ids.slice(cut));
      const before = tokenizer.stream();
      const start = ids.slice(0, cut).map((id) => before.push(id));
      assert.equal(start.join("") + rest, text);
    }
  });

  const title =
    "Llama-style tokens: a continuation keeps the space before its first word, a text of its own does not begin with one";
  if (!(await hasShared(engine, "tokenizers/phi-3-mini-4k/tokenizer.json")))
    test.skip(title, "needs shared/tokenizers/phi-3-mini-4k");
  else {
    test(title, async () => {
      const tokenizer = await loadTokenizer(folder(engine, "shared/tokenizers/phi-3-mini-4k"));
      const ids = tokenizer.encode("Once upon a time there was");
      const cut = tokenizer.encode("Once upon a").length;
      assert.equal(all(new TextOut(tokenizer, [], ids.slice(0, cut)), ids.slice(cut)), " time there was");
      assert.equal(all(new TextOut(tokenizer, [], []), ids.slice(cut)), "time there was");
      const long = tokenizer.encode("word ".repeat(100));
      assert.equal(all(new TextOut(tokenizer, ["wo", "x"], long.slice(0, 50)), long.slice(50, 53)), " ");
    });
  }

  test("special tokens and ids that no vocabulary has leave no text", async () => {
    const tokenizer = await loadTokenizer(phiTinyFolder(engine));
    const end = tokenizer.idOf("<|end|>") ?? -1;
    const [a] = tokenizer.encode("apple");
    const out = new TextOut(tokenizer, [], []);
    assert.equal(all(out, [end, a, 5_000_000, end, a]), tokenizer.decode([a, a]));
  });
});
