import { FormatError, OptionError, SourceError } from "../../src/errors.ts";
import { type Bytes, bytesFile, bytesSink, bytesSource, readAll, readJson, readText } from "../../src/source/index.ts";
import type { Source } from "../../src/source/source.ts";
import { suite } from "../harness.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

suite("source/bytes", ({ test, assert }) => {
  test("a file gives every range of its bytes, into fresh memory or into the view that it is handed", async () => {
    const file = bytesFile(Uint8Array.of(1, 2, 3, 4, 5));
    assert.equal(file.size, 5);
    assert.deepEqual([...(await file.read(1, 3))], [2, 3, 4]);
    assert.deepEqual([...(await file.read(5, 0))], []);
    const into = new Uint8Array(4).fill(9);
    const got = await file.read(3, 2, into);
    assert.deepEqual([...into], [4, 5, 9, 9]);
    assert.equal(got.buffer, into.buffer);
    assert.equal(got.length, 2);
  });

  test("fresh bytes are the reader's own: writing to them leaves the file as it is", async () => {
    const file = bytesFile(Uint8Array.of(1, 2, 3));
    (await file.read(0, 3)).fill(0);
    assert.deepEqual([...(await readAll(file))], [1, 2, 3]);
  });

  test("ranges outside of the file, fractions, negatives and a short view are SourceErrors that say so", async () => {
    const file = bytesFile(new Uint8Array(5), "five");
    for (const [offset, length] of [
      [0, 6],
      [5, 1],
      [6, 0],
      [-1, 2],
      [0.5, 1],
      [0, -1],
      [2 ** 53, 1],
      [Number.NaN, 1],
    ]) {
      await assert.rejects(() => file.read(offset, length), SourceError, /five/);
    }
    await assert.rejects(
      () => file.read(0, 5, new Uint8Array(4)),
      SourceError,
      /too short.*got 4; expected at least 5/,
    );
  });

  test("a source lists and opens a record or a Map, a Uint8Array or an ArrayBuffer", async () => {
    const files = { "a.json": utf8("{}"), b: utf8("bb").buffer as ArrayBuffer };
    for (const source of [bytesSource(files), bytesSource(new Map<string, Bytes>(Object.entries(files)))]) {
      assert.deepEqual((await source.list()).sort(), ["a.json", "b"]);
      assert.equal((await source.open("b")).size, 2);
      assert.equal(await readText(source, "b"), "bb");
    }
  });

  test("a missing file is a SourceError with code not_found that names it and what is there", async () => {
    const source = bytesSource({ "a.json": utf8("{}") });
    const error = (await assert.rejects(() => source.open("b.json"), SourceError, /b\.json.*a\.json/)) as SourceError;
    assert.equal(error.code, "not_found");
    assert.equal(error.file, "b.json");
  });

  test("names that lead elsewhere are refused with code bad_name, also inherited ones", async () => {
    const source = bytesSource({ a: utf8("a") });
    for (const name of ["../a", "x/a", "x\\a", "..", ".", "", "a\0", "C:a"]) {
      const error = (await assert.rejects(() => source.open(name), SourceError)) as SourceError;
      assert.equal(error.code, "bad_name", JSON.stringify(name));
    }
    await assert.rejects(() => source.open("toString"), SourceError, /no such file/);
    assert.throws(() => bytesSource({ "a/b": utf8("") }), SourceError);
  });

  test("what is no bytes is an OptionError", () => {
    assert.throws(() => bytesFile("text" as unknown as Uint8Array), OptionError);
  });

  test("a sink keeps each file as it was written, piece by piece, and copies what it is given", async () => {
    const files = new Map<string, Uint8Array>();
    const file = await bytesSink(files).create("f");
    const piece = Uint8Array.of(1, 2);
    await file.write(piece);
    piece.fill(7);
    await file.write(piece);
    await file.close();
    assert.deepEqual([...(files.get("f") ?? [])], [1, 2, 7, 7]);
  });
});

suite("source/readJson", ({ test, assert }) => {
  const json = (text: string | Uint8Array) => bytesSource({ "c.json": typeof text === "string" ? utf8(text) : text });

  test("gives what JSON.parse gives, with or without a byte order mark", async () => {
    const value = { a: [1, 2.5, -3e4, true, null], "é\u2028": "\u0001" };
    assert.deepEqual(await readJson(json(JSON.stringify(value)), "c.json"), value);
    assert.deepEqual(await readJson(json(`\ufeff${JSON.stringify(value)}`), "c.json"), value);
  });

  test("bad JSON is a FormatError with the file and the place", async () => {
    for (const [text, place] of [
      ['{"a": 1,}', 8],
      ['{"a" 1}', 5],
      ["[1, 2", 5],
      ["", 0],
      ["{} x", 3],
      ["[01]", 2],
      ['["\\x"]', 1],
      ["nul", 0],
    ] as const) {
      const error = (await assert.rejects(() => readJson(json(text), "c.json"), FormatError)) as FormatError;
      assert.equal(error.code, "json");
      assert.equal(error.file, "c.json");
      assert.ok(error.message.includes(`at character ${place}`), `${text}: ${error.message}`);
    }
  });

  test("100 000 brackets are an error or a value, never a stack overflow of ours", async () => {
    const error = await assert.rejects(
      () => readJson(json("[".repeat(100_000)), "c.json"),
      FormatError,
      /nested too deeply/,
    );
    assert.equal((error as FormatError).code, "json");
  });

  test("bytes that are no UTF-8 are a FormatError with code utf8", async () => {
    const error = (await assert.rejects(() =>
      readJson(json(Uint8Array.of(0x22, 0xff, 0x22)), "c.json"),
    )) as FormatError;
    assert.ok(error instanceof FormatError);
    assert.equal(error.code, "utf8");
  });

  test("a file of absurd size is refused before anything of it is read, and is closed", async () => {
    let reads = 0;
    let closed = 0;
    const source: Source = {
      list: async () => ["c.json"],
      open: async () => ({
        size: 10 ** 12,
        read: async () => {
          reads++;
          return new Uint8Array();
        },
        close: async () => {
          closed++;
        },
      }),
    };
    const error = (await assert.rejects(() => readJson(source, "c.json"), FormatError)) as FormatError;
    assert.equal(error.code, "too_large");
    assert.equal(error.got, "1000000000000 bytes");
    assert.deepEqual([reads, closed], [0, 1]);
    await assert.rejects(() => readJson(json("[1,2]"), "c.json", { maxBytes: 4 }), FormatError, /at most 4/);
  });
});
