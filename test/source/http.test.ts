import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { SourceError, type SourceFile, type UrlOptions, urlSource } from "../../src/index.ts";
import { WINDOW } from "../../src/source/read-ahead.ts";
import { suite } from "../harness.ts";
import { visit } from "./http-visit.ts";

const MB = 2 ** 20;

suite("source/http: bytes", async ({ test, assert, engine }) => {
  const { at, wrong, open, quiet } = await visit(engine);

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

  test("files of one source that are read in turns share one stream where there are no ranges, and no byte is mixed", async () => {
    const { source, log } = at("big", "norange");
    const folder = source();
    const sizes = [6 * MB, 5 * MB, 7 * MB];
    const files = await Promise.all(sizes.map((size) => folder.open(`${size}.bin`)));
    for (let offset = 0; offset < 4 * MB; offset += 2 * MB) {
      const all = await Promise.all(files.map((file) => file.read(offset, 2 * MB)));
      for (const bytes of all) assert.equal(wrong(bytes, offset), -1);
    }
    while ((await log()).filter((line) => line.open).length > 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    for (const file of files) await file.close?.();
    await quiet(log);
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

suite("source/http: servers that misbehave", async ({ test, assert, engine }) => {
  const { base, at, wrong, open, codeOf, quiet, browser } = await visit(engine);

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
        // Bun itself sends a request again on another connection where a kept one turns out to be closed. Browsers follow
        // 20 redirects themselves and ask for a 21st, in each of 5 tries and in the one without a range.
        assert.atMost((await log()).length, browser ? 6 * 22 : 60, what);
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
