// The example of examples/workerd in the real workerd: node test/engines/edge.mjs (npm run test:edge builds first).
// Prints one line per claim and "N passed, N failed, N skipped".
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const binary = join(root, "test/engines/node_modules/workerd/bin/workerd");
const phiTiny = join(root, "models/phi-tiny");
if (!existsSync(binary)) throw new Error("workerd is not installed: npm install --prefix test/engines");

/** Starts workerd with a config on a free port of its own choice. */
async function serve(config) {
  const args = ["serve", config, "--socket-addr", "http=127.0.0.1:0", "--control-fd=3"];
  const child = spawn(binary, args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  const exit = new Promise((resolve) => child.on("exit", resolve));
  const port = await new Promise((resolve, reject) => {
    let told = "";
    child.stdio[3].on("data", (text) => {
      told += text;
      const listening = told.split("\n").find((line) => line.includes('"listen"') && line.endsWith("}"));
      if (listening) resolve(JSON.parse(listening).port);
    });
    exit.then((code) => reject(new Error(`workerd ended with ${code}`)));
  });
  const stop = () => {
    child.kill("SIGKILL"); // a gentler signal waits for open connections
    return exit;
  };
  return { url: `http://127.0.0.1:${port}`, pid: child.pid, stop };
}

/** Resident bytes of a process: VmRSS of /proc. */
const rss = (pid) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;

const counts = { passed: 0, failed: 0, skipped: 0 };
async function claim(title, check) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no end after 60 s")), 60_000).unref());
  try {
    await Promise.race([check(), late]);
    counts.passed++;
    console.log(`✓ ${title}`);
  } catch (error) {
    counts.failed++;
    console.log(`✗ ${title}\n  ${error.stack}`);
  }
}
const skip = (title, reason) => {
  counts.skipped++;
  console.log(`- ${title} (skipped: ${reason})`);
};

/** What phi-tiny's greedy runs by transformers are, as conversations: [messages, answer]. */
const golden = JSON.parse(readFileSync(join(phiTiny, "golden.json"), "utf8"))
  .prompts.map(({ prompt, text }) => {
    const turns = [...prompt.matchAll(/<\|(system|user|assistant)\|>(.*?)<\|end\|>/gs)];
    const whole = `${turns.map(([turn]) => turn).join("")}<|assistant|>` === prompt && text.endsWith("<|end|>");
    return whole && [turns.map(([, role, content]) => ({ role, content })), text.replace("<|end|>", "")];
  })
  .filter(Boolean);

const worker = await serve(join(root, "examples/workerd/config.capnp"));
const post = (ask, init = {}) => fetch(worker.url, { method: "POST", body: JSON.stringify(ask), ...init });
const state = async () => (await fetch(worker.url)).json();
const answer = async (ask) => (await post(ask)).text();
/** Keeps it at work for 512 tokens. */
const LONG = { messages: "Tell me a story.", ignoreEos: true };

try {
  await claim("GET says what to POST, and that nothing was answered yet", async () => {
    const { model, usage, ...rest } = await state();
    assert.match(`${model}: ${usage}`, /phi-tiny: POST/);
    assert.deepEqual(rest, { whole: 0, left: 0, busy: false });
  });

  await claim("a client that leaves while the model is loaded for it does not break the next one", async () => {
    const controller = new AbortController();
    const first = post(LONG, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(first, { name: "AbortError" });
    assert.equal(await answer({ messages: "What is 12 + 30?" }), "12 + 30 = 42. The answer is 42.");
  });

  await claim(
    `${golden.length} greedy answers equal Hugging Face transformers' (models/phi-tiny/golden.json)`,
    async () => {
      assert.ok(golden.length >= 3);
      for (const [messages, text] of golden) assert.equal(await answer({ messages, maxTokens: 64 }), text);
    },
  );

  await claim("sampled answers have the tokens that this Node computes with the same seed", async () => {
    const { loadPhi } = await import(join(root, "dist/index.js"));
    const phi = await loadPhi(phiTiny, { weights: "q8", contextSize: 1024 });
    for (const seed of [1, 2, 3]) {
      const options = { temperature: 1, seed, maxTokens: 100 };
      const { text } = await phi.chat("Tell me a story.", options).result();
      assert.equal(await answer({ messages: "Tell me a story.", ...options }), text);
    }
    await phi.dispose();
  });

  await claim("an answer comes in pieces, and meanwhile another request is asked and answered", async () => {
    const order = [];
    const long = await post(LONG);
    const reader = long.body.getReader();
    const bytes = (await reader.read()).value.length;
    const other = fetch(worker.url).then(() => order.push("other"));
    let [pieces, all] = [1, bytes];
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      pieces++;
      all += part.value.length;
    }
    order.push("long");
    await other;
    assert.deepEqual(order, ["other", "long"]);
    assert.ok(pieces >= 50 && all > 20 * bytes, `${pieces} pieces, ${bytes} of ${all} bytes in the first`);
  });

  await claim("the relaxed build of the kernels runs", async () => {
    assert.equal((await state()).kernels, "relaxed");
  });

  await claim("two conversations at once get the answers that each gets alone", async () => {
    const asks = ["What is 12 + 30?", "What is 5 + 6?"].map((messages) => ({ messages }));
    const alone = [await answer(asks[0]), await answer(asks[1])];
    assert.deepEqual(await Promise.all(asks.map(answer)), alone);
  });

  await claim("server-sent events: a JSON text each, and one more when it is done", async () => {
    const response = await post({ messages: "What is 12 + 30?" }, { headers: { accept: "text/event-stream" } });
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const events = (await response.text()).trim().split("\n\n");
    const texts = events.slice(0, -1).map((event) => JSON.parse(event.replace(/^data: /, "")).text);
    assert.equal(texts.join(""), "12 + 30 = 42. The answer is 42.");
    assert.equal(events.at(-1), "event: done\ndata: {}");
  });

  await claim("the answer to a client that leaves ends early, and leaves room for the next: 16 times", async () => {
    const before = await state();
    for (let i = 0; i < 16; i++) {
      const controller = new AbortController();
      const long = await post({ ...LONG, messages: `Story ${i}.` }, { signal: controller.signal });
      await long.body.getReader().read();
      controller.abort();
      while ((await state()).busy);
    }
    const after = await state();
    assert.deepEqual([after.whole - before.whole, after.left - before.left], [0, 16]);
    assert.equal(await answer({ messages: "What is 12 + 30?" }), "12 + 30 = 42. The answer is 42.");
  });

  await claim("24 clients that leave before the first token, or while they wait for others, do no harm", async () => {
    const leaving = Array.from({ length: 24 }, (_, i) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 3 * i);
      return post(LONG, { signal: controller.signal }).then((r) => r.text());
    });
    await Promise.allSettled(leaving);
    assert.equal(await answer({ messages: "What is 12 + 30?" }), "12 + 30 = 42. The answer is 42.");
  });

  for (const [what, ask, status, code] of [
    ["no JSON", "What?", 400, "body"],
    ["no messages", {}, 400, "body"],
    ["an unknown option", { messages: "Hi", topKay: 1 }, 400, "option"],
    ["no message at all", { messages: [] }, 400, "chat"],
    ["a conversation too long for the context", { messages: "Hello. ".repeat(900) }, 413, "context_full"],
    ["a body too long", { messages: "Hello. ".repeat(9000) }, 413, "body"],
  ]) {
    await claim(`${what} is refused with status ${status} and code ${code}`, async () => {
      const body = typeof ask === "string" ? ask : JSON.stringify(ask);
      const response = await post(undefined, { body });
      const { error } = await response.json();
      assert.deepEqual([response.status, error.code], [status, code], error.message);
      assert.ok(error.message.length > 10);
    });
  }

  const title = "after all of that the process has less than 128 MB (RSS) more than one whose worker is empty";
  if (existsSync("/proc/self/status")) {
    const folder = mkdtempSync(join(tmpdir(), "phi-edge-"));
    writeFileSync(join(folder, "worker.js"), 'export default { fetch: () => new Response("empty") };');
    const config = readFileSync(join(root, "examples/workerd/config.capnp"), "utf8")
      .replaceAll(/^ {4}\(name = "phi-.*\n/gm, "")
      .replace("../../dist/workerd/worker.js", "worker.js");
    writeFileSync(join(folder, "config.capnp"), config);
    const empty = await serve(join(folder, "config.capnp"));
    await claim(title, async () => {
      assert.equal(await (await fetch(empty.url)).text(), "empty");
      const [with_, without] = [rss(worker.pid), rss(empty.pid)].map((bytes) => bytes / 1e6);
      console.log(`  ${with_.toFixed(1)} MB, an empty one ${without.toFixed(1)} MB`);
      assert.ok(with_ - without < 128, `${(with_ - without).toFixed(1)} MB more`);
    });
    await empty.stop();
    rmSync(folder, { recursive: true });
  } else {
    skip(title, "no /proc here");
  }
} finally {
  await worker.stop();
}

const { passed, failed, skipped } = counts;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
