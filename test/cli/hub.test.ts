import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../../src/cli/args.ts";
import { hubOptionsOf, isRemote } from "../../src/cli/hub.ts";
import { suite } from "../harness.ts";
import type { Logged } from "../source/big-byte.ts";
import { startServer } from "../source/http-server.ts";
import { runCli } from "./phi.ts";

const TINY = "hf:microsoft/phi-tiny";
const M = ["--model", TINY];

suite("cli: names on the hub", async ({ test, assert }) => {
  const base = await startServer();
  const hub = (query: string, token?: string) => ({
    env: { HF_ENDPOINT: `${base}/?${query}`, ...(token !== undefined && { HF_TOKEN: token }) },
  });

  test("HF_TOKEN and HF_ENDPOINT concern names on the hub only, and an endpoint that is no address is a UsageError", () => {
    const env = { HF_TOKEN: " secret\n", HF_ENDPOINT: "https://m.example/" };
    const options = { headers: { authorization: "Bearer secret" }, hubUrl: "https://m.example/" };
    assert.deepEqual(hubOptionsOf(TINY, env), options);
    assert.deepEqual(hubOptionsOf(TINY, {}), {});
    assert.deepEqual(hubOptionsOf(TINY, { HF_TOKEN: "", HF_ENDPOINT: "" }), {});
    for (const model of ["https://huggingface.co/x", "models/hf:x", "./hf:x"])
      assert.deepEqual(hubOptionsOf(model, env), {});
    assert.throws(() => hubOptionsOf(TINY, { HF_ENDPOINT: "m.example" }), UsageError, /HF_ENDPOINT/);
    assert.deepEqual([TINY, "http://x", "HTTPS://x", "x", "/hf:x"].map(isRemote), [true, true, true, false, false]);
  });

  test("chat, generate, tokenize, logits, inspect, quantize and npm start take a name; a gated one with HF_TOKEN, which goes to the hub alone", async () => {
    const out = await mkdtemp(join(tmpdir(), "phi-ts-"));
    const runs: [program: "main" | "start", args: string[], stdout: RegExp][] = [
      ["main", ["chat", ...M, "What is 12 + 30?"], /^12 \+ 30 = 42\./],
      ["main", ["generate", ...M, "Once upon a time", "-n", "2"], /./],
      ["main", ["tokenize", ...M, "What is", "--ids"], /^354 270\n$/],
      ["main", ["tokenize", "--model", `${TINY}@main/tokenizer.json`, "What is", "--ids"], /^354 270\n$/],
      ["main", ["logits", ...M, "12 + 30 = 4", "--top", "1"], /"2"/],
      ["main", ["inspect", ...M], /^hf:microsoft\/phi-tiny\n/],
      ["main", ["quantize", TINY, "-o", join(out, "x.safetensors"), "--fast"], /^$/],
      ["start", [...M, "What is 12 + 30?"], /42/],
    ];
    for (const [i, [program, args, stdout]] of runs.entries()) {
      const ran = await runCli(program, args, hub(`gated&redirect=other&id=cli-${i}`, "secret"));
      assert.equal(ran.code, 0, `${args.join(" ")}: ${ran.stderr}`);
      assert.ok(stdout.test(ran.stdout), ran.stdout);
      const lines = (await (await fetch(`${base}/log?id=cli-${i}`)).json()) as Logged[];
      assert.ok(lines.length > 0, args.join(" "));
      for (const { origin, headers } of lines)
        assert.equal(headers.authorization, origin === "main" ? "Bearer secret" : undefined);
    }
    await rm(out, { recursive: true });
  });

  test("without the token it is exit code 1 and one line that says what to do", async () => {
    const { code, stdout, stderr } = await runCli("main", ["chat", ...M, "Hi"], hub("gated&id=none", ""));
    assert.deepEqual([code, stdout], [1, ""]);
    assert.ok(/^phi chat: .*gated.*HF_TOKEN.*\n$/.test(stderr), stderr);
  });
});
