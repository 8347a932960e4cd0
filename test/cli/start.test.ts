import { PHI_TINY } from "../engines/disk.ts";
import { suite } from "../harness.ts";
import { runCli } from "./phi.ts";

suite("cli: npm start", ({ test, assert }) => {
  test("answers a given question, and says what the model is, its weights' format and bytes, and tokens/s", async () => {
    const { stdout, stderr, code } = await runCli("start", ["What is 12 + 30?"]);
    assert.deepEqual([code, stdout], [0, "12 + 30 = 42. The answer is 42.\n"]);
    for (const part of [
      "phi-tiny",
      "5 million parameters",
      "weights q4 (4.5 bits a weight), 2.96 MB, from 10.6 MB",
      "tokens/s",
      "npm start -- --model DIR",
    ])
      assert.ok(stderr.includes(part), `${part}\n${stderr}`);
  });

  test("without a question, and without a terminal, answers the built-in one and ends", async () => {
    const { stdout, code } = await runCli("start", []);
    assert.equal(code, 0);
    assert.ok(stdout.includes("The answer is 8."), stdout);
  });

  test("a text that does not end like a sentence is continued", async () => {
    const { stdout } = await runCli("start", ["Once upon a time there was a"]);
    assert.ok(stdout.startsWith("Once upon a time there was a "), stdout);
  });

  test("--model takes another checkpoint, from where the user stands", async () => {
    const { stdout, stderr, code } = await runCli("start", ["--model", "phi-tiny", "What is 12 + 30?"], {
      env: { INIT_CWD: PHI_TINY.replace(/phi-tiny$/, "") },
    });
    assert.deepEqual([code, stdout], [0, "12 + 30 = 42. The answer is 42.\n"]);
    assert.ok(!stderr.includes("phi-tiny, a demonstration"), stderr);
  });
});
