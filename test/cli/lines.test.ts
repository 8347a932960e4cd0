import { PassThrough } from "node:stream";
import { lines } from "../../src/cli/lines.ts";
import { suite } from "../harness.ts";

suite("cli/lines", ({ test, assert }) => {
  const terminal = () => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = new PassThrough();
    let shown = "";
    output.on("data", (text) => {
      shown += text;
    });
    const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
    /** The next line, where `keys` come while it is waited for. */
    const ask = async (from: ReturnType<typeof lines>, keys = "") => {
      const next = from.next("> ");
      if (keys) input.write(keys);
      const line = await next;
      await turn();
      return line;
    };
    return { input, output, ask, shown: () => shown };
  };

  test("of lines that are pasted at once none is lost: each is asked for in its turn, the begun one may be typed on", async () => {
    const { input, output, ask, shown } = terminal();
    const all = lines(input, output);
    assert.equal(await ask(all, "one\rtwo\r\rfour"), "one");
    assert.equal(await ask(all), "two");
    assert.ok(shown().endsWith("> two\n"), JSON.stringify(shown()));
    assert.equal(await ask(all), "");
    assert.equal(await ask(all, " and more\r"), "four and more");
    assert.equal(await ask(all, "five\r"), "five");
  });

  test("what was pasted is left out when it is forgotten; Ctrl-C and Ctrl-D on the prompt end the lines", async () => {
    const { input, output, ask } = terminal();
    const all = lines(input, output);
    assert.equal(await ask(all, "one\rtwo\rthr"), "one");
    all.forget();
    assert.equal(await ask(all, "four\r"), "four");
    assert.equal(await ask(all, "\x03"), undefined);
    assert.equal(await ask(all, "\x04"), undefined);
  });

  test("without a terminal they are those of the input, and no prompt is shown", async () => {
    const input = new PassThrough();
    const { output, shown } = terminal();
    input.end("one\ntwo");
    const all = lines(input, output);
    assert.deepEqual([await all.next("> "), await all.next("> "), await all.next("> ")], ["one", "two", undefined]);
    assert.equal(shown(), "");
  });
});
