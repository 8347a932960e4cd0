import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import {
  type BlobInput,
  blobSource,
  type DirectoryHandle,
  droppedFiles,
  FormatError,
  loadPhi,
  OptionError,
  type Source,
  SourceError,
} from "../../src/index.ts";
import { readAll, readText } from "../../src/source/index.ts";
import { loadTokenizer } from "../../src/tokenizer/index.ts";
import { openPhiTiny } from "../api/phi-tiny.ts";
import { suite } from "../harness.ts";

const blob = (text: string) => new Blob([text]);

/** A File as `<input webkitdirectory>` gives it. */
const at = (path: string, text = path) =>
  Object.assign(new Blob([text]), { name: path.split("/").at(-1), webkitRelativePath: path });

/** A folder as the file system's handles show it: { name: text or folder }. */
type Folder = { [name: string]: string | Folder };
const handle = (name: string, folder: Folder): DirectoryHandle & { values(): AsyncIterable<unknown> } => ({
  kind: "directory",
  name,
  async *values() {
    for (const [child, what] of Object.entries(folder)) {
      if (typeof what === "object") yield handle(child, what);
      else yield { kind: "file", name: child, getFile: async () => blob(what) };
    }
  },
});

/** The same as the entries that browsers make of a drop, of which a reader gives two at a time. */
const entry = (name: string, what: string | Folder): unknown =>
  typeof what === "string"
    ? { isFile: true, isDirectory: false, name, file: (ok: (file: Blob) => void) => ok(blob(what)) }
    : {
        isFile: false,
        isDirectory: true,
        name,
        createReader() {
          const left = Object.entries(what).map(([child, below]) => entry(child, below));
          return { readEntries: (ok: (some: unknown[]) => void) => setTimeout(() => ok(left.splice(0, 2))) };
        },
      };

/** A drop of files and folders, with entries or with handles; when the handler has ended its items know nothing any more. */
function drop(dropped: Folder, how: "entries" | "handles" | "files") {
  let over = false;
  const items = Object.entries(dropped).map(([name, what]) => ({
    kind: "file",
    getAsFile: () => (over || typeof what !== "string" ? null : Object.assign(blob(what), { name })),
    ...(how !== "files" && { webkitGetAsEntry: () => (over ? null : entry(name, what)) }),
    ...(how === "handles" && {
      getAsFileSystemHandle: async () => {
        if (over) throw new Error("too late");
        return typeof what === "object" ? handle(name, what) : { kind: "file", name, getFile: async () => blob(what) };
      },
    }),
  }));
  const source = droppedFiles({ items: [{ kind: "string" }, ...items] as unknown as DataTransferItem[] });
  over = true;
  return source;
}

suite("source/blob", ({ test, assert, engine }) => {
  const kinds: [string, () => BlobInput][] = [
    ["an array of Files", () => [at("a.txt", "one"), at("b.txt", "two")]],
    ["a FileList", () => ({ length: 2, 0: at("a.txt", "one"), 1: at("b.txt", "two") })],
    ["a record of Blobs", () => ({ "a.txt": blob("one"), "b.txt": blob("two") })],
    ["a Map of Blobs", () => new Map([["a.txt", blob("one")] as const, ["b.txt", blob("two")] as const])],
    ["a record of paths", () => ({ "deep/down/a.txt": blob("one"), "deep/down/b.txt": blob("two") })],
    ["the Files of an <input webkitdirectory>", () => [at("phi/a.txt", "one"), at("phi/b.txt", "two")]],
    ["the handle of a folder", () => handle("phi", { "a.txt": "one", "b.txt": "two" })],
  ];
  for (const [what, input] of kinds) {
    test(`${what} is a folder: list, open, sizes, ranges, not_found`, async () => {
      const source = blobSource(input());
      assert.deepEqual((await source.list()).sort(), ["a.txt", "b.txt"]);
      assert.equal(await readText(source, "b.txt"), "two");
      const file = await source.open("a.txt");
      assert.equal(file.size, 3);
      const into = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 10, 5);
      assert.equal((await file.read(1, 2, into)).buffer, into.buffer);
      assert.deepEqual([...into], [110, 101, 0, 0, 0]);
      await assert.rejects(file.read(2, 2), SourceError, /past the end/);
      const missing = (await assert.rejects(source.open("c.txt"), SourceError, /a\.txt/)) as SourceError;
      assert.equal(missing.code, "not_found");
      assert.equal(((await assert.rejects(source.open("../a"), SourceError)) as SourceError).code, "bad_name");
    });
  }

  test("one File is a folder with one file", async () => {
    assert.deepEqual(await blobSource(at("model.bin")).list(), ["model.bin"]);
    assert.deepEqual(await blobSource(blob("x")).list(), ["blob"]);
  });

  test("of folders in folders it is the uppermost with a config.json, else the uppermost with files", async () => {
    const inner = { "config.json": "{}", "model.bin": "m", original: { "config.json": "older" } };
    for (const source of [
      blobSource(handle("x", { phi: inner, ".git": { HEAD: "h" } })),
      blobSource([at("x/phi/config.json", "{}"), at("x/phi/model.bin"), at("x/phi/original/config.json")]),
      await drop({ phi: inner, "notes.txt": "n" }, "entries"),
      await drop({ up: { phi: inner } }, "handles"),
    ]) {
      assert.deepEqual((await source.list()).sort(), ["config.json", "model.bin"]);
      assert.equal(await readText(source, "config.json"), "{}");
    }
    assert.deepEqual(await blobSource(handle("x", { "a.gguf": "g", more: { b: "b" } })).list(), ["a.gguf"]);
  });

  test("several folders at the same height are a SourceError (code several) that names them; two files of one name, too", async () => {
    const two = { a: { "config.json": "{}" }, b: { "config.json": "{}" } };
    const both = [at("config.json", "1"), at("config.json", "2")];
    for (const [run, message] of [
      [() => blobSource(handle("x", two)).list(), /a\/.*b\//],
      [() => drop(two, "entries"), /a\/.*b\//],
      [() => blobSource({ "a/x": blob(""), "b/x": blob("") }).list(), /a\/.*b\//],
      [() => blobSource(both).list(), /two files.*config\.json|config\.json.*two files/],
    ] as const) {
      const error = (await assert.rejects(run, SourceError, message)) as SourceError;
      assert.equal(error.code, "several");
    }
  });

  test("a drop is read by handles, by entries (two at a time), or as plain files, after its event is over", async () => {
    const phi = { "config.json": "{}", a: "1", b: "2", c: "3", d: "4" };
    for (const how of ["handles", "entries"] as const) {
      const source = await drop({ phi }, how);
      assert.deepEqual((await source.list()).sort(), Object.keys(phi).sort());
      assert.equal(await readText(source, "d"), "4");
    }
    assert.equal(await readText(await drop(phi, "files"), "c"), "3");
    for (const nothing of [drop({}, "files"), droppedFiles(null)]) {
      assert.equal(((await assert.rejects(nothing, SourceError)) as SourceError).code, "not_found");
    }
  });

  test("a drop of a home folder ends in a SourceError, not in a search: 20,000 files, 6 folders deep at most", async () => {
    const many = Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [`${i}`, ""]));
    assert.equal(((await assert.rejects(drop({ many }, "handles"), SourceError)) as SourceError).code, "too_large");
    const deep = { 1: { 2: { 3: { 4: { 5: { 6: { 7: { "config.json": "{}" } } } } } } } };
    assert.equal(((await assert.rejects(drop(deep, "handles"), SourceError)) as SourceError).code, "not_found");
  });

  test("a Blob of 40 MB is read 16 MB at a time, straight into its place", async () => {
    const bytes = new Uint8Array(40_000_000).map((_, i) => i % 251);
    let largest = 0;
    const whole = new Blob([bytes]);
    const slice = (from: number, to: number) => {
      largest = Math.max(largest, to - from);
      return whole.slice(from, to);
    };
    const counted = { size: whole.size, slice, arrayBuffer: () => whole.arrayBuffer() } as unknown as Blob;
    const read = await readAll(await blobSource({ big: counted }).open("big"));
    assert.equal(read.length, bytes.length);
    assert.equal(
      read.findIndex((byte, i) => byte !== bytes[i]),
      -1,
    );
    assert.equal(largest, 2 ** 24);
  });

  test("a File that changed after it was picked is a SourceError that names it", async () => {
    const gone = async () => {
      throw new DOMException("gone", "NotReadableError");
    };
    const stale = { size: 4, slice: () => ({ arrayBuffer: gone }), arrayBuffer: gone } as unknown as Blob;
    const file = await blobSource({ "a.bin": stale }).open("a.bin");
    await assert.rejects(file.read(0, 4), SourceError, /a\.bin.*no longer/);
    const short = { size: 4, slice: () => new Blob(["abc"]), arrayBuffer: gone } as unknown as Blob;
    await assert.rejects((await blobSource({ short }).open("short")).read(0, 4), SourceError, /short/);
  });

  test("loadPhi, loadTokenizer and openSafetensors take Files, and a single File where that is enough", async () => {
    const { bytesOf } = await openPhiTiny(engine);
    const files = bytesOf("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors");
    const blobs = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, new Blob([bytes])]));
    const phi = await loadPhi(blobs);
    assert.equal((await phi.chat("What is 12 + 30?").result()).text, "12 + 30 = 42. The answer is 42.");
    await phi.dispose();
    const single = (name: string) => Object.assign(new Blob([files[name]]), { name });
    assert.deepEqual((await loadTokenizer(single("tokenizer.json"))).encode(" is"), [270]);
    const tensors = await openSafetensors(single("model.safetensors"));
    assert.ok(tensors.tensors.size > 10);
    await tensors.close();
    await assert.rejects(loadPhi(single("model.safetensors")), SourceError, /folder/);
    await assert.rejects(openSafetensors(single("config.json")), FormatError);
  });

  test("what cannot be read from is an OptionError that says what can be, in all three", async () => {
    for (const input of [undefined, null, 7, "", {}, [], new Map(), ["a"], { a: 1 }, new URL("blob:x")]) {
      for (const run of [loadPhi, loadTokenizer, openSafetensors] as ((input: Source) => Promise<unknown>)[]) {
        await assert.rejects(run(input as Source), OptionError, /URL/);
      }
    }
    assert.throws(() => blobSource(7 as unknown as Blob), OptionError);
  });
});
