import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import {
  type LoadProgress,
  loadPhi,
  OptionError,
  SourceError,
  type SourceFile,
  type UrlOptions,
  urlSource,
} from "../../src/index.ts";
import { WINDOW } from "../../src/source/read-ahead.ts";
import { loadTokenizer } from "../../src/tokenizer/index.ts";
import { suite } from "../harness.ts";
import { bigByte, type Logged } from "./big-byte.ts";

const MB = 2 ** 20;
const MODEL = 10_496_560;

let ids = 0;

/** The suites of sources over HTTP. @param base of a server as `startServer` starts it */
export function httpSuites(base: string): void {
  /** A folder of the server that behaves as `query` says, and its log. */
  const at = (folder: string, query = "") => {
    const id = `${++ids}-${Math.round(performance.now())}`;
    const url = `${base}/${folder}/?id=${id}${query && `&${query}`}`;
    const log = async (): Promise<Logged[]> => (await fetch(`${base}/log?id=${id}`)).json();
    return { url, log, source: (options?: UrlOptions) => urlSource(url, options) };
  };

  /** The index of the first wrong byte of [offset, …), or -1. */
  const wrong = (bytes: Uint8Array, offset: number) => bytes.findIndex((byte, i) => byte !== bigByte(offset + i));

  const open = (query: string, size: number, options?: UrlOptions) =>
    at("big", query).source(options).open(`${size}.bin`);

  const codeOf = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(
      () => new Error("it succeeded"),
      (error) => error,
    );
    return error instanceof SourceError ? error.code : String(error);
  };

  /** Waits until the server sees no request under way; that it must, is the claim. */
  const quiet = async (log: () => Promise<Logged[]>): Promise<Logged[]> => {
    for (;;) {
      const lines = await log();
      if (lines.every((line) => !line.open)) return lines;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  // A browser does not show where a redirect leads.
  const browser = "document" in globalThis;

  suite("source/http: bytes", ({ test, assert }) => {
    const ways = [
      "",
      "norange",
      "gzip",
      "norange&nolength",
      "cut=900000",
      "short=300000",
      "redirect=other",
      "norange&cut=9000000&times=2",
    ];
    for (const query of ways) {
      test(`${query || "with ranges"}: sizes are right, and every range is the file's, in any order, into a WASM memory`, async () => {
        const size = 9 * MB + 12_345;
        const file = await open(query, size);
        assert.equal(file.size, size);
        const memory = new WebAssembly.Memory({ initial: 128 });
        const reads: [number, number][] = [
          [0, 9],
          [8, 100_000],
          [100_008, 3 * MB], // in a row
          [100_008 + 3 * MB, 2 * MB],
          [7 * MB, 5], // ahead, inside of the window
          [size - 70_000, 70_000], // to the end
          [65_530, 12], // back, over the edge of the first block
          [size, 0],
          [4 * MB, 5 * MB],
        ];
        for (const [offset, length] of reads) {
          const bytes = await file.read(offset, length, new Uint8Array(memory.buffer, 64, length));
          assert.equal(bytes.buffer, memory.buffer);
          assert.equal(wrong(bytes, offset), -1, `bytes ${offset} + ${length}`);
        }
        await assert.rejects(file.read(size - 1, 2), SourceError, /past the end/);
        await file.close?.();
      });
    }

    test("reads that overlap in time are served one after the other, each rightly, with ranges and without", async () => {
      for (const query of ["", "norange"]) {
        const file = await open(query, 6 * MB);
        const places = [3 * MB, 0, 5 * MB, 70_000, 2 * MB];
        const all = await Promise.all(places.map((offset) => file.read(offset, MB - 100_000)));
        for (const [i, bytes] of all.entries()) assert.equal(wrong(bytes, places[i]), -1);
        await file.close?.();
      }
    });

    test("files of 0, 1, 65,535 to 65,537 bytes, and of 4 MiB and one more, with ranges and without", async () => {
      for (const size of [0, 1, 65_535, 65_536, 65_537, 4 * MB, 4 * MB + 1]) {
        // Gzip makes a file of no bytes longer than it is, and another origin's script cannot see that it was gzip.
        for (const query of ["", "norange", ...(size > 1 ? ["gzip"] : [])]) {
          const file = await open(query, size);
          assert.equal(file.size, size, `${size} ${query}`);
          assert.equal(wrong(await file.read(0, size), 0), -1);
          await file.close?.();
        }
      }
    });

    test("a small file costs one request, however often it is read", async () => {
      const { source, log } = at("tiny");
      const file = await source().open("config.json");
      for (let i = 0; i < 3; i++) await file.read(i, file.size - i);
      assert.equal((await log()).length, 1);
    });

    test("headers fetch no weights: opening a checkpoint and its header take one request of 64 KiB", async () => {
      const { url, log } = at("tiny");
      const tensors = await openSafetensors(`${url.replace("?", "model.safetensors?")}`);
      assert.ok(tensors.tensors.size > 10);
      await tensors.close();
      assert.deepEqual(
        (await log()).map(({ range }) => range),
        ["bytes=0-65535"],
      );
    });

    test("reading 48 MB in a row takes requests of 4 MiB, at most four at a time, and no byte twice", async () => {
      const { source, log } = at("big");
      const file = await source().open(`${48 * MB}.bin`);
      for (let offset = 0; offset < file.size; offset += MB) await file.read(offset, MB);
      const lines = await quiet(log);
      assert.equal(
        lines.reduce((sum, { sent }) => sum + sent, 0),
        48 * MB,
      );
      assert.ok(lines.length <= 20, `${lines.length} requests`);
      await file.close?.();
    });

    for (const ranged of [true, false]) {
      test(`${ranged ? "with" : "without"} ranges no more than the window of 16 MiB is held, though 160 MB are read slowly`, async () => {
        const size = 160 * MB;
        let delivered = 0;
        const piece = new Uint8Array(2 ** 16);
        /** A server without a network: its bytes are counted when they are asked for. */
        const fetch = async (_: string, { headers, signal }: RequestInit) => {
          const asked = /^bytes=(\d+)-(\d+)$/.exec(new Headers(headers).get("range") ?? "");
          const [from, to] = asked && ranged ? [Number(asked[1]), Number(asked[2]) + 1] : [0, size];
          let at = from;
          const pull = (stream: ReadableStreamDefaultController<Uint8Array>) => {
            if (at === to || signal?.aborted) return stream.close();
            const bytes = piece.slice(0, Math.min(piece.length, to - at));
            at += bytes.length;
            delivered += bytes.length;
            stream.enqueue(bytes);
          };
          const length = { "content-length": String(to - from) };
          const range = { "content-range": `bytes ${from}-${to - 1}/${size}` };
          const body = new ReadableStream({ pull }, { highWaterMark: 0 });
          return new Response(body, { status: ranged ? 206 : 200, headers: ranged ? { ...length, ...range } : length });
        };
        const file = await urlSource("http://nowhere.invalid/", { fetch }).open("model.safetensors");
        delivered = 0;
        const block = new Uint8Array(MB);
        let most = 0;
        for (let offset = 2 ** 16; offset + MB <= size; offset += MB) {
          await file.read(offset, MB, block);
          if (offset < 40 * MB) for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
          most = Math.max(most, delivered - (offset + MB - 2 ** 16));
        }
        assert.ok(most <= WINDOW + 2 ** 16, `${most} bytes`);
        assert.ok(most > WINDOW / 2, `${most} bytes`);
        await file.close?.();
      });
    }
  });

  suite("source/http: servers that misbehave", ({ test, assert }) => {
    const read = async (query: string, options?: UrlOptions, size = 5 * MB): Promise<SourceFile> => {
      const file = await open(query, size, { timeoutMs: 20_000, ...options });
      try {
        for (let offset = 0; offset < size; offset += MB) assert.equal(wrong(await file.read(offset, MB), offset), -1);
      } finally {
        await file.close?.();
      }
      return file;
    };
    const errors: [what: string, query: string, code: string, options?: UrlOptions][] = [
      ["401", "status=401", "unauthorized"],
      ["403", "status=403", "forbidden"],
      ["404", "status=404", "not_found"],
      ["410", "status=410", "not_found"],
      ["418", "status=418", "http"],
      ["416 for an ordinary range", "status=416", "bad_range"],
      ["429 without end", "status=429", "rate_limited"],
      ["429 that asks for an hour", "status=429&after=3600", "rate_limited"],
      ["429 that asks for a day of next century", "status=429&after=Fri, 01 Jan 2100 00:00:00 GMT", "rate_limited"],
      ["500 without end", "status=500", "server"],
      ["a Content-Range of another place", "contentrange=bytes 1-65536/5242880", "bad_response"],
      ["a Content-Range that is none", "contentrange=bytes", "bad_response"],
      ["a Content-Range that is longer than asked for", "contentrange=bytes 0-65536/5242880", "bad_response"],
      ["a Content-Range behind the end", "contentrange=bytes 0-65535/60000", "bad_response"],
      ["another ETag midway", "changed=2", "changed"],
      ["another ETag midway, in one stream", "changed=1&norange", "changed"],
      ["connections that are cut before the first byte, always", "cut=0", "network"],
      ["silence before the first byte, always", "stall=0", "timeout", { timeoutMs: 150 }],
      ["silence in the middle, always", "stall=3000", "timeout", { timeoutMs: 150 }],
      ["ranges of 1,000 bytes", "short=1000", "bad_response"],
      ["redirects without end", "redirect=loop", browser ? "network" : "redirect", { headers: { authorization: "x" } }],
    ];
    test("each ends in a SourceError of its own code, in bounded time and with few requests, that names the URL without its query", async () => {
      await Promise.all(
        errors.map(async ([what, query, code, options]) => {
          const { source, log } = at("big", query);
          const error = (await assert.rejects(
            (async () => {
              const file = await source(options).open(`${5 * MB}.bin`);
              for (let offset = 0; offset < file.size; offset += MB) await file.read(offset, MB);
            })(),
            SourceError,
          )) as SourceError;
          assert.equal(error.code, code, `${what}: ${error.message}`);
          assert.ok(error.file?.startsWith(`${base}/big/`) && !error.message.includes("id="), error.message);
          // Bun itself sends a request again on another connection where a kept one turns out to be closed; browsers follow 20 redirects.
          assert.ok((await log()).length <= (browser ? 110 : 60), what);
        }),
      );
    });

    test("a server that is not there is a SourceError (network)", async () => {
      assert.equal(await codeOf(urlSource("http://127.0.0.1:9/", { timeoutMs: 2000 }).open("a.json")), "network");
    });

    test("what passes is survived: 429 and 503 twice, a cut connection, silence, both with ranges and in one stream", async () => {
      const soon = { timeoutMs: 1500 };
      await Promise.all([
        read("status=429&times=2&after=0"),
        read("status=429&times=1&after=1"),
        read("status=503&times=2"),
        read("cut=0&times=2"),
        read("cut=400000&times=1&norange"),
        read("stall=70000&times=1", soon),
        read("stall=70000&times=2&norange", soon),
        read("redirect=self"),
        read("validators=none"),
        read("gzip=range"),
      ]);
    });

    test("after a cut the rest is fetched from where it broke, not from the start", async () => {
      const { source, log } = at("big", "cut=1000000");
      const file = await source().open(`${8 * MB}.bin`);
      assert.equal(wrong(await file.read(0, file.size), 0), -1);
      const lines = await quiet(log);
      assert.ok(lines.length >= 8);
      assert.ok(lines.reduce((sum, { sent }) => sum + sent, 0) < 10 * MB);
    });

    test("a page of HTML in place of a file, or 403 from a server that gave others, is not_found", async () => {
      assert.equal(await codeOf(at("tiny", "html").source().open("no.json")), "not_found");
      const hidden = at("tiny", "hidden=403").source();
      assert.equal(await codeOf(hidden.open("no.json")), "forbidden");
      await hidden.open("config.json");
      assert.equal(await codeOf(hidden.open("no.json")), "not_found");
    });

    test("a large file whose length nobody tells is refused when 64 MiB have come", async () => {
      assert.equal(await codeOf(open("norange&nolength", 80 * MB)), "no_length");
    });

    test("names that lead elsewhere are refused before anything is sent; a name is one part of the path, whatever is in it", async () => {
      const { source, log } = at("tiny");
      assert.equal(await codeOf(source().open("../secret")), "bad_name");
      assert.deepEqual(await log(), []);
      assert.equal(await codeOf(source().open("a?b#c%2f")), "not_found");
      assert.deepEqual(
        (await log()).map(({ file }) => file),
        ["a?b#c%2f"],
      );
    });
  });

  suite("source/http: headers and redirects", ({ test, assert }) => {
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

  suite("source/http: a model", ({ test, assert }) => {
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
      assert.ok(
        events.every((event, i) => event.total <= total && event.loaded < event.total === i < events.length - 1),
      );
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
}
