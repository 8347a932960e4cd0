import { PHI_TINY } from "../engines/disk.ts";
import { suite } from "../harness.ts";
import { runCli } from "./phi.ts";

const M = ["--model", PHI_TINY];

suite("cli: interruption", ({ test, assert }) => {
  const endless = ["generate", ...M, "Once upon a time", "--ignore-eos", "--temperature", "1"];

  test("Ctrl-C ends an answer after what was written, with exit code 130", async () => {
    let sent = false;
    const { stdout, code } = await runCli("main", [...endless, "--context", "1024"], {
      watch(child) {
        if (!sent) child.kill("SIGINT");
        sent = true;
      },
    });
    assert.equal(code, 130);
    assert.ok(stdout.length > 0 && stdout.endsWith("\n"));
  });

  test("a reader that goes away ends the program quietly with exit code 0", async () => {
    const { stderr, code } = await runCli("main", endless, { watch: (child) => child.close() });
    assert.deepEqual([code, stderr], [0, ""]);
  });
});
