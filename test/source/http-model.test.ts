import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { type LoadProgress, loadPhi, OptionError, type UrlOptions, urlSource } from "../../src/index.ts";
import { loadTokenizer } from "../../src/tokenizer/index.ts";
import { suite } from "../harness.ts";
import { visit } from "./http-visit.ts";

const MB = 2 ** 20;
const MODEL = 10_496_560;

suite("source/http: headers and redirects", async ({ test, assert, engine }) => {
  const { base, at, wrong, codeOf, browser } = await visit(engine);

  const headers = { authorization: "Bearer secret", ...(!browser && { "x-key": "secret" }) };

  if (browser) {
    test("in a browser a redirect is an error (redirect) if there are other headers than Authorization", async () => {
      const options = { headers: { "x-key": "secret" } };
      assert.equal(await codeOf(at("tiny", "redirect=self").source(options).open("config.json")), "redirect");
      await at("tiny").source(options).open("config.json");
    });
  }

  test("headers go to the URL's own origin and, by a redirect, to no other; queries go with every file", async () => {
    const { url, log } = at("tiny", "redirect=other&only=model&token=t");
    const tensors = await openSafetensors(urlSource(url, { headers }));
    await tensors.read([...tensors.tensors.keys()][3]);
    await tensors.close();
    const lines = await log();
    const secret = lines.filter((line) => Object.values(line.headers).some((value) => value.includes("secret")));
    assert.ok(secret.length > 0 && secret.every(({ origin }) => origin === "main"));
    assert.ok(secret.every((line) => line.headers["x-key"] === headers["x-key"]));
    assert.ok(lines.some(({ origin }) => origin === "other"));
  });

  test("headers stay across a redirect inside of the origin", async () => {
    const { url, log } = at("tiny", "redirect=self");
    await urlSource(url, { headers }).open("config.json");
    const lines = await log();
    assert.equal(lines.length, browser ? 3 : 2); // a browser is asked first whether there is a redirect
    assert.ok(lines.every((line) => line.headers.authorization === headers.authorization));
  });

  test("a redirect is followed once per file, and again when the place it led to has expired", async () => {
    for (const [query, expected] of [
      ["redirect=other", [1]],
      ["redirect=other&expires=3", [2, 3, 4]], // parts that are refused at the same time each ask again
    ] as const) {
      const { source, log } = at("big", query);
      const file = await source().open(`${12 * MB}.bin`);
      assert.equal(wrong(await file.read(0, file.size), 0), -1);
      const redirects = (await log()).filter(({ origin }) => origin === "main").length;
      assert.ok((expected as readonly number[]).includes(redirects), `${query}: ${redirects}`);
    }
  });

  test("an unknown option, a value of the wrong kind, a URL that is none or holds a password is an OptionError", () => {
    const wrongOptions = [{ header: {} }, { fetch: 1 }, { timeoutMs: 0 }, { headers: { "no name": "x" } }];
    for (const options of wrongOptions) assert.throws(() => urlSource(base, options as UrlOptions), OptionError);
    for (const url of ["models/phi-tiny", "ftp://x/", "http://user:pw@x/", "", "http://"]) {
      const error = assert.throws(() => urlSource(url), OptionError) as OptionError;
      assert.ok(!error.message.includes("pw@"));
    }
  });
});

suite("source/http: a model", async ({ test, assert, engine }) => {
  const { base, at, codeOf, quiet } = await visit(engine);

  test("loadPhi, loadTokenizer and openSafetensors take URLs of a folder (with and without /) and of a file, texts and URL objects", async () => {
    const { url } = at("tiny");
    for (const folder of [url, new URL(url), url.replace("/?", "?")]) {
      assert.deepEqual((await loadTokenizer(folder)).encode(" is"), [270]);
    }
    assert.deepEqual((await loadTokenizer(`${base}/tiny/tokenizer.json`)).encode(" is"), [270]);
    const tensors = await openSafetensors(new URL(`${base}/tiny/model.safetensors`));
    assert.ok(tensors.tensors.has("model.norm.weight"));
    await tensors.close();
    const phi = await loadPhi(url);
    assert.equal((await phi.chat("What is 12 + 30?").result()).text, "12 + 30 = 42. The answer is 42.");
    await phi.dispose();
  });

  test("a checkpoint in shards is found by its index: config and index, then each shard, and no other name is tried twice", async () => {
    const { url, log } = at("sharded");
    await (await loadPhi(url)).dispose();
    const lines = await quiet(log);
    const missing = lines.filter(({ status }) => status === 404).map(({ file }) => file);
    assert.deepEqual(missing, ["model.safetensors", "tokenizer.json", "tokenizer.json.gz", "cl100k_base.tiktoken"]);
    const shards = new Set(lines.filter(({ file }) => /-of-00005/.test(file)).map(({ file }) => file));
    assert.equal(shards.size, 5);
  });

  test("a checkpoint in shards gives the same logits by ranges, in one stream each, and over cut connections", async () => {
    const logits: Float32Array[] = [];
    for (const query of ["", "?norange", "?cut=300000"]) {
      const phi = await loadPhi(`${base}/sharded/${query}`);
      logits.push(await phi.forward([1, 2, 3]));
      await phi.dispose();
    }
    assert.deepEqual(logits[1], logits[0]);
    assert.deepEqual(logits[2], logits[0]);
  });

  test("nothing is fetched that was not asked for, and no file twice: phi-tiny's seven files, and two that it does not have", async () => {
    const { url, log } = at("tiny");
    await (await loadPhi(url)).dispose();
    const lines = await quiet(log);
    const files = [...new Set(lines.map(({ file }) => file))].sort();
    assert.deepEqual(files, [
      "chat_template.jinja",
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    for (const file of files) {
      const ranges = lines.filter((line) => line.file === file && line.status === 206);
      assert.equal(new Set(ranges.map(({ range }) => range)).size, ranges.length, file);
    }
    const sent = lines.reduce((sum, line) => sum + line.sent, 0);
    assert.equal(sent, MODEL + 869 + 246 + 93_285 + 2025);
  });

  test("progress never falls, ends at the sum of all files, equals the total only then, and moves while one block of weights is on its way", async () => {
    const events: LoadProgress[] = [];
    const { url } = at("tiny", "pace=20&only=model");
    const phi = await loadPhi(url, { onProgress: (event) => events.push(event) });
    await phi.dispose();
    const header = (await headerBytes()) + 9;
    const total = MODEL + 1 + 869 + 246 + 93_285 + 2025; // 9 bytes are read to know the header's 8, and one of them again
    assert.ok(header > 9);
    assert.deepEqual(events.at(-1)?.loaded, total);
    assert.ok(events.every(({ loaded }, i) => i === 0 || loaded >= events[i - 1].loaded));
    assert.ok(events.every((event, i) => event.total <= total && event.loaded < event.total === i < events.length - 1));
    const weights = events.filter(({ phase }) => phase === "weights");
    assert.ok(weights.every((event) => event.total === total && event.file === "model.safetensors"));
    assert.deepEqual([...new Set(events.map(({ phase }) => phase))], ["files", "weights"]);
    const between = weights.filter((event, i) => i > 0 && event.tensor === weights[i - 1].tensor);
    assert.ok(between.length > 5, `${between.length} of ${weights.length}`);
  });

  const headerBytes = async () => {
    const first = await fetch(`${base}/tiny/model.safetensors`, { headers: { range: "bytes=0-7" } });
    return Number(new DataView(await first.arrayBuffer()).getBigUint64(0, true));
  };

  test("an abort at any time rejects with the signal's reason, and the server sees every connection closed", async () => {
    const moments = [
      "delay=100000&only=config",
      "delay=100000&only=tokenizer",
      "stall=3000000&only=model",
      "pace=50&only=model",
      "norange&stall=5000000&only=model",
    ];
    for (const query of moments) {
      const { url, log } = at("tiny", query);
      const control = new AbortController();
      const loading = loadPhi(url, { signal: control.signal });
      loading.catch(() => {});
      const under = query.split("only=")[1];
      while (!(await log()).some((line) => line.open && line.file.includes(under))) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const reason = new Error("changed my mind");
      control.abort(reason);
      assert.equal(await assert.rejects(loading), reason, query);
      await quiet(log);
    }
  });

  test("what onProgress throws ends the loading, also when it is told of bytes on their way", async () => {
    const own = new Error("enough");
    for (const query of ["", "pace=20&only=model"]) {
      const { url, log } = at("tiny", query);
      const onProgress = ({ loaded }: LoadProgress) => {
        if (loaded > 2_000_000) throw own;
      };
      assert.equal(await assert.rejects(loadPhi(url, { onProgress })), own);
      await quiet(log);
    }
  });

  test("close ends what is under way and all later reads, and may come twice", async () => {
    const { source, log } = at("big", "stall=1000000");
    const file = await source().open(`${5 * MB}.bin`);
    const reading = codeOf(file.read(0, file.size));
    while (!(await log()).some((line) => line.open)) await new Promise((resolve) => setTimeout(resolve, 10));
    await file.close?.();
    await file.close?.();
    assert.equal(await reading, "closed");
    assert.equal(await codeOf(file.read(0, 1)), "closed");
    await quiet(log);
  });
});
