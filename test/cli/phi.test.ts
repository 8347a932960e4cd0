import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chat } from "../../src/cli/chat.ts";
import { generate } from "../../src/cli/generate.ts";
import { inspect } from "../../src/cli/inspect.ts";
import { logits } from "../../src/cli/logits.ts";
import { merge } from "../../src/cli/merge.ts";
import { quantize } from "../../src/cli/quantize.ts";
import { tokenize } from "../../src/cli/tokenize.ts";
import { verify } from "../../src/cli/verify.ts";
import { inProject, PHI_TINY } from "../engines/disk.ts";
import { suite } from "../harness.ts";
import { startServer } from "../source/http-server.ts";
import { phi, runCli } from "./phi.ts";

const COMMANDS = [chat, generate, tokenize, inspect, logits, quantize, merge, verify];
const M = ["--model", PHI_TINY];

suite("cli: usage", ({ test, assert }) => {
  test("phi --help lists every command, phi COMMAND --help every option, with exit code 0 and nothing on standard error", async () => {
    const all = await phi("--help");
    assert.equal(all.code, 0);
    assert.equal(all.stderr, "");
    for (const { name, usage, options } of COMMANDS) {
      assert.ok(all.stdout.includes(`phi ${name} `), name);
      const { stdout, stderr, code } = await phi(name, "--help");
      assert.deepEqual([code, stderr], [0, ""]);
      assert.ok(stdout.startsWith(`usage: phi ${name} ${usage}\n`), name);
      const shown = [...stdout.matchAll(/^ {2}(?:-(\w),| {3}) --([\w-]+)/gm)].map(
        ([, short, long]) => `${short} ${long}`,
      );
      assert.deepEqual(
        shown,
        options.map((option) => `${option.short} ${option.name}`),
      );
      assert.ok(
        ["model", "help"].every((option) => options.some((o) => o.name === option)),
        name,
      );
    }
  });

  test("phi --version prints package.json's version", async () => {
    assert.ok(/^\d+\.\d+\.\d+\n$/.test((await phi("--version")).stdout));
  });

  test("a wrong command line gives exit code 2, a kind line on standard error and nothing on standard output", async () => {
    const cases: [string[], RegExp][] = [
      [[], /^phi: which command\?\n/],
      [["chta"], /^phi: unknown command chta; did you mean chat\?\n/],
      [["chat", "--modle", "x"], /^phi chat: unknown option --modle; did you mean --model\?\nsee: phi chat --help\n$/],
      [["generate", "x"], /^phi generate: --model DIR is needed/],
      [["generate", ...M], /^phi generate: a text to continue is needed/],
      [["generate", ...M, "a", "b"], /^phi generate: one text is expected, got a second: "b"/],
      [["generate", ...M, "a", "--top-p", "7"], /^phi generate: --top-p; got 7; expected .*0 to 1/],
      [["generate", ...M, "a", "--context", "9999"], /^phi generate: --context; got 9999; expected .*1 to 1024/],
      [["logits", ...M, "a", "--top", "0"], /^phi logits: --top needs a whole number from 1, got "0"/],
      [["inspect", "hf:foo"], /^phi inspect: no name of a model on the hub; got "hf:foo"/],
      [["tokenize", "-m", "hf:foo", "a"], /^phi tokenize: no name of a model on the hub; got "hf:foo"/],
      [["inspect"], /^phi inspect: which checkpoint\? A folder with config\.json/],
      [["inspect", ...M, "b"], /^phi inspect: one checkpoint is expected, got a second: "b"\n/],
      [["verify", "a", "b"], /^phi verify: one checkpoint is expected, got a second: "b"\n/],
      [["quantize", "a", "b", "-o", "c"], /^phi quantize: one checkpoint is expected, got a second: "b"\n/],
      [["merge", "a", "b", "-o", "c", "--adapter", "d"], /^phi merge: one checkpoint is expected, got a second: "b"\n/],
      [["inspect", ...M, "--weights", "q5"], /^phi inspect: --weights is one of auto, f32, q8, q4, got "q5"/],
      [["inspect", ...M, "--budget", "4 apples"], /^phi inspect: --budget needs bytes, such as .*, got "4 apples"/],
    ];
    for (const [args, message] of cases) {
      const { stdout, stderr, code } = await phi(...args);
      assert.deepEqual([code, stdout], [2, ""], args.join(" "));
      assert.ok(message.test(stderr), `${args.join(" ")}: ${stderr}`);
    }
  });

  test("a failure gives exit code 1 and one line; --verbose adds what was asked of V8 and where the failure comes from", async () => {
    const short = await phi("chat", "--model", "no-such-folder", "Hello");
    assert.deepEqual([short.code, short.stdout], [1, ""]);
    assert.ok(/^phi chat: .*no-such-folder.*\n$/.test(short.stderr), short.stderr);
    const long = await phi("chat", "--model", "no-such-folder", "Hello", "--verbose");
    assert.equal(long.code, 1);
    const told = long.stderr.replace(/^phi chat: V8 runs with --\S+\n/, "");
    assert.ok(told.startsWith(short.stderr) && /\n {4}at /.test(told), long.stderr);
  });
});

suite("cli: commands on phi-tiny", ({ test, assert }) => {
  test("where there is no WebAssembly (node --jitless) the reference kernels answer, and standard error says so", async () => {
    const env = { NODE_OPTIONS: "--jitless" };
    // As float32: quantizing 5 million weights without a compiler takes longer than all else.
    const some = ["12 + 30 =", "--max-tokens", "3", "--weights", "f32"];
    const { stdout, stderr, code } = await runCli("main", ["generate", ...M, ...some], { env });
    assert.deepEqual([code, stdout.trim()], [0, "42"]);
    assert.ok(/^phi: this engine has no WebAssembly;.*\nphi: the reference kernels run: /m.test(stderr), stderr);
    const strict = await runCli("main", ["chat", ...M, "Hello", "--kernels", "strict"], { env });
    assert.deepEqual([strict.code, strict.stdout], [1, ""]);
    assert.ok(/^phi chat: this engine has no WebAssembly/m.test(strict.stderr), strict.stderr);
    const inspected = await runCli("main", ["inspect", ...M, "--json"], { env });
    const { kernels, notices } = JSON.parse(inspected.stdout) as { kernels: string; notices: { code: string }[] };
    assert.equal(kernels, "reference");
    assert.deepEqual(
      notices.map((n) => n.code),
      ["wasm", "reference_kernels"],
    );
    assert.ok(inspected.stderr.includes("reference kernels"), inspected.stderr);
  });

  test("a checkpoint may be a URL", async () => {
    const url = `${await startServer()}/tiny/`;
    const { stdout, code } = await phi("chat", "--model", url, "What is 12 + 30?");
    assert.deepEqual([code, stdout], [0, "12 + 30 = 42. The answer is 42.\n"]);
  });

  test("phi chat answers a message on standard output and writes nothing else, without a terminal", async () => {
    const { stdout, stderr, code } = await phi("chat", ...M, "What is 12 + 30?");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout, "12 + 30 = 42. The answer is 42.\n");
  });

  test("phi chat - reads the message from standard input; without one, each line is a turn of one conversation", async () => {
    const whole = await runCli("main", ["chat", ...M, "-"], { input: "What is 12 + 30?\n" });
    assert.deepEqual([whole.code, whole.stdout], [0, "12 + 30 = 42. The answer is 42.\n"]);
    const turns = await runCli("main", ["chat", ...M], { input: "My name is Anna.\nWhat is my name?\n" });
    assert.equal(turns.code, 0);
    assert.ok(/\n.*Anna.*\n$/.test(turns.stdout), turns.stdout);
    const anew = await runCli("main", ["chat", ...M], { input: "My name is Anna.\n/new\nWhat is my name?\n" });
    assert.ok(!anew.stdout.trim().split("\n").at(-1)?.includes("Anna"), anew.stdout);
  });

  test("phi generate continues a text, as far as --max-tokens says; the same seed gives the same text", async () => {
    const args = ["generate", ...M, "Once upon a time there was a", "-n", "12"];
    const greedy = await phi(...args);
    assert.deepEqual([greedy.code, greedy.stderr], [0, ""]);
    assert.equal(greedy.stdout, (await phi(...args, "--temperature", "0")).stdout);
    const sampled = [...args, "--temperature", "1.5", "--seed"];
    const one = await phi(...sampled, "1");
    assert.equal(one.stdout, (await phi(...sampled, "1")).stdout);
    assert.ok(one.stdout !== (await phi(...sampled, "2")).stdout, "another seed gives another text");
  });

  test("phi generate --json gives text, ids, usage, timings and the seed", async () => {
    const { stdout, code } = await phi("generate", ...M, "Once upon", "-n", "3", "--json");
    assert.equal(code, 0);
    const result = JSON.parse(stdout) as {
      ids: number[];
      usage: { completionTokens: number };
      finishReason: string;
      seed: number;
    };
    assert.equal(result.ids.length, 3);
    assert.equal(result.usage.completionTokens, 3);
    assert.equal(result.finishReason, "length");
    assert.equal(typeof result.seed, "number");
  });

  test("phi tokenize prints ids and texts; control tokens only with --special; --decode is the way back", async () => {
    const { stdout } = await phi("tokenize", ...M, "<|end|>", "--special");
    assert.equal(stdout, '2043  "<|end|>"\n');
    const ids = (await phi("tokenize", ...M, "What is <|end|> this? 😀", "--ids")).stdout.trim().split(" ");
    assert.ok(!ids.includes("2043"));
    assert.equal((await phi("tokenize", ...M, "--decode", ...ids)).stdout, "What is <|end|> this? 😀\n");
    const stdin = await runCli("main", ["tokenize", ...M, "--ids"], { input: "What is <|end|> this? 😀\n" });
    assert.equal(stdin.stdout.trim(), ids.join(" "));
  });

  test("phi inspect tells architecture, parameters, dtypes, memory, chat format, and stop tokens with their sources", async () => {
    const { stdout, code } = await phi("inspect", ...M);
    assert.equal(code, 0);
    for (const part of [
      /^architecture +phi3 \(Phi3ForCausalLM\)$/m,
      /^model +phi-tiny$/m,
      /^parameters +5,246,208$/m,
      /^tensors +in the file +in memory +parameters$/m,
      /^ {2}embedding +1 BF16 +1\.05 MB +q4 +294\.9 kB +524,288$/m,
      /^ {2}norms +13 BF16 +6\.7 kB +f32 +13\.3 kB +3,328$/m,
      /^context +1,024 tokens/m,
      /^tokenizer +BPE of bytes, [\d,]+ tokens and \d+ added ones$/m,
      /^ {2}KV cache +1.77 MB in int8$/m,
      /^ {2}arena 0 /m,
      /^chat format +phi-4-mini/m,
      /^stop tokens +2041 <\|endoftext\|> +generation_config.json/m,
      /^ +2043 <\|end\|> +generation_config.json/m,
    ])
      assert.ok(part.test(stdout), `${part}\n${stdout}`);
    for (const line of stdout.split("\n").slice(1)) assert.atMost(line.length, 80, line);
    const json = JSON.parse((await phi("inspect", ...M, "--weights", "q8", "--json")).stdout) as {
      weights: string;
      parameters: { total: number; active: number };
    };
    assert.deepEqual([json.weights, json.parameters], ["q8", { total: 5246208, active: 5246208 }]);
  });

  test("phi inspect of a model whose heads see blocks tells which", async () => {
    const { stdout, code } = await phi("inspect", inProject("test/fixtures/golden/phi-3-small-8k"));
    assert.equal(code, 0);
    assert.ok(
      /^sparse +2 layers see blocks of 32 keys: 1 local, before these 1 in 3,\n +others for each head$/m.test(stdout),
      stdout,
    );
  });

  test("phi inspect of what would not load shows every reason on standard output, at most 80 columns, with exit code 1; --json has them, too", async () => {
    const folder = mkdtempSync(join(tmpdir(), "phi-"));
    try {
      for (const name of ["tokenizer.json", "tokenizer_config.json"])
        copyFileSync(inProject(`models/phi-tiny/${name}`), join(folder, name));
      const config = JSON.parse(readFileSync(inProject("models/phi-tiny/config.json"), "utf8")) as object;
      const strange = { hidden_act: "relu", quantization_config: { quant_method: "bitsandbytes", load_in_8bit: true } };
      writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, ...strange }));
      writeFileSync(join(folder, "pytorch_model.bin"), "x");
      const { stdout, stderr, code } = await phi("inspect", folder);
      assert.deepEqual([code, stderr], [1, ""]);
      for (const part of [
        /^architecture +phi3 \(Phi3ForCausalLM\)$/m,
        /^does not load, for these reasons:$/m,
        /^ {2}1\. file config\.json: "hidden_act" asks for something that is not built;/m,
        /^ {2}2\. file config\.json: quantization "bitsandbytes int8" is not built;/m,
        /^ {2}3\. file pytorch_model\.bin: this is a pickle of PyTorch/m,
      ])
        assert.ok(part.test(stdout), `${part}\n${stdout}`);
      for (const line of stdout.split("\n").slice(1)) assert.atMost(line.length, 80, line);
      const json = await phi("inspect", "-m", folder, "--json");
      const { loads, faults } = JSON.parse(json.stdout) as { loads: boolean; faults: { error: string }[] };
      assert.deepEqual(
        [json.code, loads, faults.map((f) => f.error)],
        [1, false, ["ConfigError", "ConfigError", "SourceError"]],
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("phi inspect --budget says whether so much memory is enough, and for which context", async () => {
    const budget = async (text: string) => {
      const { stdout } = await phi("inspect", ...M, "--budget", text);
      return stdout.split("\n").find((line) => line.startsWith("budget"));
    };
    assert.ok(/^budget +8.00 GB are enough; they hold a context of 1,024 tokens$/.test((await budget("8GB")) ?? ""));
    assert.ok(/^budget +5.24 MB are too few; they hold a context of \d+ tokens$/.test((await budget("5MiB")) ?? ""));
    assert.ok(/^budget +1.00 MB are too few, whatever the context$/.test((await budget("1000000")) ?? ""));
  });

  test("phi logits shows the likeliest next tokens, greatest first, with probabilities", async () => {
    const { stdout } = await phi("logits", ...M, "12 + 30 = 4", "--top", "3", "--json");
    const rows = JSON.parse(stdout) as { id: number; token: string; logit: number; probability: number }[];
    assert.equal(rows.length, 3);
    assert.equal(rows[0].token, "2");
    assert.ok(rows[0].logit > rows[1].logit && rows[1].logit > rows[2].logit);
    assert.ok(rows[0].probability > 0.9 && rows[0].probability < 1);
    assert.ok((await phi("logits", ...M, "12 + 30 = 4", "--top", "3")).stdout.includes(`${rows[0].logit.toFixed(5)}`));
  });
});
