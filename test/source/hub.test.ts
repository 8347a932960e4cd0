import { openGguf } from "../../src/formats/gguf/index.ts";
import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { estimate, loadPhi, OptionError, SourceError, type UrlOptions, urlSource } from "../../src/index.ts";
import { hubFolder, parseHubName } from "../../src/source/hub.ts";
import { loadTokenizer } from "../../src/tokenizer/index.ts";
import { suite, unless } from "../harness.ts";
import { visit } from "./http-visit.ts";

const TINY = "hf:microsoft/phi-tiny";
const nobody = (): never => {
  throw new Error("it was fetched");
};

const SECRET = { authorization: "Bearer secret" };

suite("source/hub: names", async ({ test, assert }) => {
  const urlOf = (name: string | URL, hub = "https://hub.example/") =>
    hubFolder(parseHubName("test", name), new URL(hub)).href;

  for (const [name, path] of [
    ["hf:microsoft/phi-4", "microsoft/phi-4/resolve/main/"],
    ["hf:microsoft/phi-4/", "microsoft/phi-4/resolve/main/"],
    ["hf:A_b/x.y-1@v2.0", "A_b/x.y-1/resolve/v2.0/"],
    ["hf:a/b@refs%2Fpr%2F1/c.gguf", "a/b/resolve/refs%2Fpr%2F1/c.gguf"],
    ["hf:a/b/dir/model 1?#@.gguf", "a/b/resolve/main/dir/model%201%3F%23%40.gguf"],
    ["hf:a/b@x y/50%25.gguf", "a/b/resolve/x%20y/50%25.gguf"],
    ["hf:a/b/été.json", "a/b/resolve/main/%C3%A9t%C3%A9.json"],
  ] as const) {
    test(`${name} lies at /${path}, percent-encoded`, () => {
      assert.equal(urlOf(name), `https://hub.example/${path}`);
      assert.equal(urlOf(new URL(name.replaceAll(/[?#]/g, encodeURIComponent))), `https://hub.example/${path}`);
    });
  }

  for (const [page, name] of [
    ["https://huggingface.co/microsoft/phi-4", "hf:microsoft/phi-4"],
    ["https://huggingface.co/microsoft/phi-4/", "hf:microsoft/phi-4"],
    ["https://huggingface.co/a/b/tree/main?x=1", "hf:a/b"],
    ["https://huggingface.co/a/b/tree/v2/onnx", "hf:a/b@v2/onnx"],
    ["https://huggingface.co/a/b/blob/main/c-Q4_K_M.gguf#top", "hf:a/b/c-Q4_K_M.gguf"],
  ] as const) {
    test(`${page} is a page: the error says ${name}`, async () => {
      const error = (await assert.rejects(loadPhi(page, { fetch: nobody }), OptionError)) as OptionError;
      assert.ok(error.message.endsWith(`; expected ${name}`), error.message);
      assert.equal(urlOf(name).startsWith("https://hub.example/"), true);
    });
  }

  test("where files lie on the hub is a URL like any other", async () => {
    const file = "https://huggingface.co/a/b/resolve/main/config.json";
    const seen: string[] = [];
    const fetch = async (url: string) => {
      seen.push(url);
      return new Response("{}", { status: 404 });
    };
    await assert.rejects(loadPhi(file, { fetch }), SourceError);
    assert.deepEqual([...new Set(seen)], [file]);
  });

  test("a mirror's address may have a path and a query, which goes with every file", () => {
    for (const hub of ["https://m.example/hf", "https://m.example/hf/"])
      assert.equal(urlOf("hf:a/b/c.gguf", `${hub}?key=1`), "https://m.example/hf/a/b/resolve/main/c.gguf?key=1");
  });

  for (const name of [
    ...["hf:", "hf:phi", "hf:/phi", "hf:a/", "hf:a//b", "hf://a/b", "hf:a/b//c.gguf", "hf:a/b@", "hf:a/b@/c.gguf"],
    ...[
      "hf:../b",
      "hf:a/..",
      "hf:a/b/../c.json",
      "hf:a/b/..%2Fc.json",
      "hf:a/b/%2e%2e/c",
      "hf:a/b@..",
      "hf:a/b@x%2F..%2Fy",
    ],
    ...[
      "hf:https://x/y",
      "hf:a b/c",
      "hf:a/b/c:d",
      "hf:a/b/c\\d",
      "hf:a/b/%00",
      "hf:a/b/100%.gguf",
      "hf:a/b/\ud800.gguf",
    ],
  ]) {
    test(`${JSON.stringify(name)} is an OptionError, before anything is fetched`, async () => {
      await assert.rejects(loadPhi(name, { fetch: nobody }), OptionError, /hf:owner\/name|Unicode/);
    });
  }
});

suite("source/hub: files", async ({ test, assert, engine }) => {
  const { base, quiet, codeOf, browser } = await visit(engine);
  let ids = 0;

  /** The tests' hub, behaving as `query` says, and its log. */
  const hub = (query = "", path = "/") => {
    const id = `hub-${++ids}-${Math.round(performance.now())}`;
    const hubUrl = `${base}${path}?id=${id}${query && `&${query}`}`;
    const log = async () => (await fetch(`${base}/log?id=${id}`)).json();
    return { hubUrl, log: () => quiet(log) };
  };

  const ask = async (source: Parameters<typeof loadPhi>[0], options: UrlOptions) => {
    const phi = await loadPhi(source, options);
    const { text } = await phi.chat("What is 12 + 30?").result();
    await phi.dispose();
    return text;
  };
  const ANSWER = "12 + 30 = 42. The answer is 42.";

  test("loadPhi of a name fetches the files that the model needs, each byte once, and no others", async () => {
    const { hubUrl, log } = hub();
    assert.equal(await ask(TINY, { hubUrl }), ANSWER);
    const lines = await log();
    const files = [...new Set(lines.map(({ path }) => path))].sort();
    const own = [
      ...["chat_template.jinja", "config.json", "generation_config.json", "model.safetensors"],
      ...["tokenizer.json", "tokenizer_config.json"],
    ];
    assert.deepEqual(
      files,
      own.map((file) => `/microsoft/phi-tiny/resolve/main/${file}`),
    );
    assert.ok(
      lines.every(({ status }) => status === 206 || status === 404),
      JSON.stringify(lines),
    );
    assert.equal(new Set(lines.map(({ path, range }) => `${path} ${range}`)).size, lines.length);
  });

  test("without option hubUrl it is the hub's public address; option fetch sees every URL, with the headers", async () => {
    const urls: string[] = [];
    const { hubUrl } = hub();
    const fetch = (url: string, init: RequestInit) => {
      urls.push(url);
      assert.equal(new Headers(init.headers).get("authorization"), SECRET.authorization);
      const here = new URL(url);
      return globalThis.fetch(new URL(here.pathname + new URL(hubUrl).search, base).href, init);
    };
    await estimate(TINY, { fetch, headers: SECRET });
    assert.ok(
      urls.length > 0 && urls.every((url) => url.startsWith("https://huggingface.co/microsoft/phi-tiny/resolve/main/")),
    );
  });

  test("revisions (one with a / in it), folders, files, mirrors below a path, URL objects, and every opener", async () => {
    const { hubUrl } = hub();
    const mirror = hub("", "/mirror").hubUrl;
    assert.deepEqual((await loadTokenizer(`${TINY}@refs%2Fpr%2F1`, { hubUrl })).encode(" is"), [270]);
    assert.deepEqual((await loadTokenizer(new URL(TINY), { hubUrl: new URL(mirror) })).encode(" is"), [270]);
    assert.deepEqual((await loadTokenizer(`${TINY}/tokenizer.json`, { hubUrl })).encode(" is"), [270]);
    assert.deepEqual((await loadTokenizer("hf:someone/models/phi-tiny", { hubUrl })).encode(" is"), [270]);
    assert.deepEqual((await loadTokenizer(urlSource(TINY, { hubUrl }))).encode(" is"), [270]);
    for (const name of [TINY, `${TINY}/model.safetensors`]) {
      const file = await openSafetensors(name, { hubUrl });
      assert.ok(file.tensors.has("model.norm.weight"));
      await file.close();
    }
    const gguf = await openGguf("hf:someone/Phi-GGUF/model.Q4_0.gguf", { hubUrl: mirror });
    assert.equal(gguf.metadata.get("general.architecture"), "phi3");
    await gguf.close();
    const { weights } = await estimate("hf:someone/Phi-GGUF/model.Q4_0.gguf", { hubUrl });
    assert.equal(weights, "q4");
    const phi = await loadPhi("hf:someone/Phi-GGUF@main/model.Q4_0.gguf", { hubUrl, headers: SECRET });
    assert.deepEqual(phi.tokenizer?.encode("<|endoftext|>", { parseSpecialTokens: true }), [310]);
    await phi.dispose();
  });

  test("a checkpoint in shards: the index, then each shard; its revision looks like a file", async () => {
    const { hubUrl, log } = hub();
    await (await loadPhi("hf:microsoft/phi.4_mini@v1.json", { hubUrl })).dispose();
    const lines = await log();
    const missing = lines.filter(({ status }) => status === 404).map(({ file }) => file);
    assert.deepEqual(missing, ["model.safetensors", "tokenizer.json", "tokenizer.json.gz", "cl100k_base.tiktoken"]);
    assert.equal(new Set(lines.filter(({ file }) => /-of-00005/.test(file)).map(({ file }) => file)).size, 5);
  });

  test("a model that has only GGUF files: without a file's name it is a SourceError (not_found) that says how to name one", async () => {
    const error = (await assert.rejects(loadPhi("hf:someone/Phi-GGUF", hub()), OptionError)) as OptionError;
    assert.ok(/unknown option "log"/.test(error.message));
    const { hubUrl } = hub();
    const missing = await assert.rejects(loadPhi("hf:someone/Phi-GGUF", { hubUrl }), SourceError, /NAME\.gguf/);
    assert.equal((missing as SourceError).code, "not_found");
    await assert.rejects(openGguf("hf:someone/Phi-GGUF", { hubUrl }), SourceError, /NAME\.gguf/);
  });

  const gated: [string, UrlOptions, string, RegExp][] = [
    ["without a token", {}, "unauthorized", /hf:microsoft\/phi-tiny at main: .*gated.*headers: \{ authorization/],
    ["with another one's", { headers: { authorization: "Bearer x" } }, "forbidden", /terms must be accepted/],
  ];
  for (const [what, options, code, message] of gated) {
    test(`a gated model ${what}: SourceError ${code}, which says what to do`, async () => {
      const { hubUrl } = hub("gated");
      for (const open of [loadPhi, loadTokenizer]) {
        const work = open(TINY, { ...options, hubUrl });
        const error = (await assert.rejects(work, SourceError, message)) as SourceError;
        assert.equal(error.code, code);
        assert.ok(!error.message.includes("Bearer x"));
      }
    });
  }

  test("a gated model with the right token, whose files lie elsewhere: it loads, and the token went to the hub alone", async () => {
    const { hubUrl, log } = hub("gated&redirect=other");
    assert.equal(await ask(TINY, { hubUrl, headers: SECRET }), ANSWER);
    const lines = await log();
    assert.ok(lines.some(({ origin }) => origin === "other"));
    for (const { origin, headers } of lines) {
      if (origin === "other") assert.equal(headers.authorization, undefined);
      else assert.equal(headers.authorization, SECRET.authorization);
    }
  });

  if (!browser) {
    test("headers of any name go to the hub alone, also through several redirects", async () => {
      const { hubUrl, log } = hub("redirect=other");
      const headers = { ...SECRET, "x-key": "secret", cookie: "secret" };
      await (await openSafetensors(TINY, { hubUrl, headers })).close();
      const away = (await log()).filter(({ origin }) => origin === "other");
      assert.ok(away.length > 0);
      assert.ok(!JSON.stringify(away.map((line) => line.headers)).includes("secret"));
    });
  }

  const inWorker = unless(engine.features.workers ? undefined : "no workers here", test);
  inWorker(
    "with the model in a worker files are fetched all the same, by option fetch and with the headers",
    async () => {
      const { hubUrl, log } = hub("gated&redirect=other");
      let asked = 0;
      const fetch = (url: string, init: RequestInit) => {
        asked++;
        return globalThis.fetch(url, init);
      };
      const phi = await loadPhi(TINY, { hubUrl, headers: SECRET, fetch, worker: true });
      assert.equal((await phi.chat("What is 12 + 30?").result()).text, ANSWER);
      await phi.dispose();
      assert.ok(asked > 0);
      assert.ok((await log()).every(({ origin, headers }) => origin === "main" || !("authorization" in headers)));
    },
  );

  test("a name, revision or file that the hub does not have is not_found; a file that changes while it is read is an error", async () => {
    const { hubUrl } = hub();
    for (const name of ["hf:microsoft/none", `${TINY}@none`, `${TINY}/none.gguf`, `${TINY}/none.safetensors`])
      assert.equal(await codeOf(loadPhi(name, { hubUrl })), "not_found");
    const changing = hub("changed=1&only=model");
    assert.equal(await codeOf(loadPhi(TINY, { hubUrl: changing.hubUrl })), "changed");
  });

  test("a bad hubUrl, headers, fetch or timeout is an OptionError, in every opener", async () => {
    for (const bad of [
      { hubUrl: "hub" },
      { hubUrl: "ftp://x" },
      { hubUrl: "https://u:p@x/" },
      { headers: { "no name": "x" } },
      { fetch: 1 },
      { timeoutMs: 0 },
    ]) {
      const options = bad as UrlOptions;
      const openers: readonly ((name: string, options: UrlOptions) => Promise<unknown>)[] = [
        ...[loadPhi, estimate, loadTokenizer, openSafetensors, openGguf],
      ];
      for (const open of openers) await assert.rejects(open(TINY, options), OptionError);
    }
  });
});
