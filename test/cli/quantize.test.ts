import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProject, PHI_TINY } from "../engines/disk.ts";
import { goldenFolder } from "../golden.ts";
import { suite } from "../harness.ts";
import { phi, runCli } from "./phi.ts";

suite("cli/quantize", ({ test, assert, engine }) => {
  if (engine.name !== "node") return test.skip("phi quantize", "the command is started with Node");

  const inFolder = async (run: (folder: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), "phi-quantize-"));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const SMALL = inProject(goldenFolder("phi-4-mini"));

  test("phi quantize --fast writes one file and leaves nothing else; chat, inspect and tokenize take it as a model", () =>
    inFolder(async (folder) => {
      const file = join(folder, "tiny.safetensors");
      const made = await phi("quantize", PHI_TINY, "-o", file, "--fast", "--embedding", "q8");
      assert.deepEqual([made.code, made.stdout], [0, ""], made.stderr);
      assert.ok(/tiny.safetensors: 3\.33 MB, scales searched, in \d+ s/.test(made.stderr), made.stderr);
      assert.deepEqual(readdirSync(folder), ["tiny.safetensors"]);
      assert.equal((await phi("chat", "-m", file, "What is 12 + 30?")).stdout, "12 + 30 = 42. The answer is 42.\n");
      assert.equal((await phi("tokenize", "-m", file, "--ids", "12")).stdout, "16 17\n");
      const page = (await phi("inspect", "-m", folder)).stdout;
      assert.ok(/^files +packed, 1 file$[\s\S]*embedding +1 q8 +\d+\.\d kB +q8 +\d+\.\d kB /m.test(page), page);
      assert.ok(/feed-forward +12 q4 +1\.99 MB +q4 +1\.99 MB /.test(page), page);
    }));

  test("Ctrl-C and a kill leave the finished work, and the same command goes on from there to the bytes of an uninterrupted run", () =>
    inFolder(async (folder) => {
      const args = (name: string) => ["quantize", SMALL, "-o", join(folder, name), "--tokens", "600"];
      assert.equal((await phi(...args("whole.safetensors"))).code, 0);
      const partial = join(folder, "cut.safetensors.partial");
      /** Sends the signal when so many pieces are finished. */
      const stopAt = (pieces: number, signal: NodeJS.Signals) =>
        runCli("main", args("cut.safetensors"), {
          started(child) {
            const timer = setInterval(() => {
              if (!existsSync(partial) || readdirSync(partial).length < pieces) return;
              clearInterval(timer);
              child.kill(signal);
            }, 2);
            timer.unref();
          },
        });
      const stopped = await stopAt(1, "SIGINT");
      assert.equal(stopped.code, 130, stopped.stderr);
      assert.ok(/stopped; what is finished is in .*\.partial/.test(stopped.stderr), stopped.stderr);
      assert.equal((await stopAt(3, "SIGKILL")).code, "SIGKILL");
      assert.ok(readdirSync(partial).length >= 3);
      const again = await phi(...args("cut.safetensors"));
      assert.equal(again.code, 0, again.stderr);
      assert.deepEqual(readdirSync(folder).sort(), ["cut.safetensors", "whole.safetensors"]);
      const [cut, whole] = ["cut", "whole"].map((name) => readFileSync(join(folder, `${name}.safetensors`)));
      assert.ok(cut.equals(whole), "the same bytes");
    }));

  test("a file that is there is kept unless --force is given; bad command lines say what is missing, with exit code 2", () =>
    inFolder(async (folder) => {
      const file = join(folder, "a.safetensors");
      writeFileSync(file, "mine");
      const kept = await phi("quantize", SMALL, "-o", file, "--fast");
      assert.equal(kept.code, 1);
      assert.ok(/is there already \(--force replaces it\)/.test(kept.stderr), kept.stderr);
      assert.equal(readFileSync(file, "utf8"), "mine");
      assert.equal((await phi("quantize", SMALL, "-o", file, "--fast", "--force")).code, 0);
      assert.ok(readFileSync(file).length > 1000);
      const wrong: [string[], RegExp][] = [
        [[], /which checkpoint\?/],
        [[SMALL], /-o FILE.safetensors is needed/],
        [[SMALL, "-o", "x.gguf"], /a name that ends in .safetensors/],
        [[SMALL, "-o", file, "--weights", "q5"], /--weights is one of q4, q8/],
        [[SMALL, "-o", join(folder, "b.safetensors"), "--tokens", "1"], /--tokens; got 1; expected an integer from 64/],
      ];
      for (const [args, message] of wrong) {
        const { code, stderr } = await phi("quantize", ...args);
        assert.equal(code, 2, stderr);
        assert.ok(message.test(stderr), stderr);
      }
      assert.deepEqual(readdirSync(folder), ["a.safetensors"]);
    }));
});
