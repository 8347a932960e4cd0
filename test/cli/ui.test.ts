import { bytes, count, ProgressLine } from "../../src/cli/ui.ts";
import { WordWrap } from "../../src/cli/word-wrap.ts";
import { suite } from "../harness.ts";

suite("cli/ui", ({ test, assert }) => {
  const terminal = (isTTY: boolean) => {
    const written: string[] = [];
    return { isTTY, columns: 20, written, write: (text: string) => written.push(text) };
  };

  test("a progress line is at most as wide as the terminal, and removed once; nothing else on the line ever is", () => {
    const stream = terminal(true);
    const line = new ProgressLine(stream);
    line.clear();
    assert.deepEqual(stream.written, []);
    line.show("loading a model with a long name");
    line.clear();
    line.clear();
    assert.equal(stream.written.length, 2);
    assert.ok(
      stream.written[0].includes("loading a model wit") && !stream.written[0].includes("with"),
      stream.written[0],
    );
  });

  test("without a terminal, a progress line writes nothing", () => {
    const stream = terminal(false);
    const line = new ProgressLine(stream);
    line.show("loading");
    line.clear();
    assert.deepEqual(stream.written, []);
  });

  test("wrapped text has no line wider than the terminal, breaks at spaces only, and loses nothing, however it arrives", () => {
    const text =
      "Mia was a small mouse who lived by the sea.\nShe wanted to swim, and a-very-long-word-of-more-than-a-line came.";
    for (const size of [1, 3, 1000]) {
      const wrap = new WordWrap(20);
      let out = "";
      for (let at = 0; at < text.length; at += size) out += wrap.push(text.slice(at, at + size));
      out += wrap.end();
      assert.equal(out.replaceAll(/\s/g, ""), text.replaceAll(/\s/g, ""));
      for (const line of out.split("\n")) assert.atMost(line.trimEnd().length, 20, line);
      assert.ok(out.startsWith("Mia was a small \nmouse who lived by \nthe sea.\nShe"), out);
    }
  });

  test("bytes and counts are shown with three digits and with separators", () => {
    assert.deepEqual([999, 1000, 10496560, 2.96e6, 123e6, 2.01e9].map(bytes), [
      "999 bytes",
      "1.0 kB",
      "10.5 MB",
      "2.96 MB",
      "123 MB",
      "2.01 GB",
    ]);
    assert.deepEqual([0, 999, 1000, 5246208].map(count), ["0", "999", "1,000", "5,246,208"]);
  });
});
