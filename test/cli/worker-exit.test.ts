import { execFile } from "node:child_process";
import { inProject, PHI_TINY } from "../engines/disk.ts";
import { suite } from "../harness.ts";
import { buildIfOlder } from "./phi.ts";

/** Runs a program that has `phi`, phi-tiny loaded with `options`, and gives its exit code and output; it is killed after a minute. */
function program(
  options: string,
  statements: string,
): Promise<{ code: number | string | null | undefined; stdout: string }> {
  buildIfOlder();
  const text = `
    import { loadPhi } from ${JSON.stringify(inProject("dist/index.js"))};
    const phi = await loadPhi(${JSON.stringify(PHI_TINY)}, ${options});
    ${statements}`;
  const args = ["--input-type=module", "--eval", text];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: inProject("."), timeout: 60_000 }, (error, stdout) => {
      resolve({ code: error ? (error.code ?? error.signal) : 0, stdout });
    });
  });
}

suite("cli/worker-exit", ({ test, assert }) => {
  for (const [where, options] of [
    ["in a worker", "{ worker: true }"],
    ["in a worker, with helper threads", "{ worker: true, threads: 3 }"],
    ["in its own thread, with helper threads", "{ threads: 3 }"],
  ])
    for (const [what, statements] of [
      ["has disposed of it", "await phi.dispose();"],
      ["has forgotten dispose()", "await phi.chat('Hi').result();"],
      [
        "has left an iterator behind",
        "await phi.generate('Once', { ignoreEos: true })[Symbol.asyncIterator]().next();",
      ],
    ] as const) {
      test(`a program whose model is ${where} and that ${what} ends when it has nothing left to do`, async () => {
        const { code, stdout } = await program(options, `${statements} console.log("end");`);
        assert.deepEqual([code, stdout], [0, "end\n"]);
      });
    }

  test("a program that waits for nothing but an answer of the worker does not end before it has come", async () => {
    const { code, stdout } = await program(
      "{ worker: true }",
      "void phi.generate('Once', { ignoreEos: true, maxTokens: 300 }).result().then((r) => console.log(r.ids.length));",
    );
    assert.deepEqual([code, stdout], [0, "300\n"]);
  });
});
