import { execFileSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { FormatError, SourceError } from "../../src/errors.ts";
import { estimate } from "../../src/index.ts";
import { createFolder, openPath } from "../../src/platform/node.ts";
import * as web from "../../src/platform/web.ts";
import { readAll } from "../../src/source/index.ts";
import { inProject } from "../engines/disk.ts";
import { suite } from "../harness.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "phi-ts-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

suite("platform/paths", ({ test, assert }) => {
  test("a folder opens as a source of its files, without the subfolders", () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, "a.bin"), Uint8Array.of(1, 2, 3));
      await mkdir(join(folder, "sub"));
      const { source, file } = await openPath(folder);
      assert.equal(file, undefined);
      assert.deepEqual(await source.list(), ["a.bin"]);
      const opened = await source.open("a.bin");
      assert.equal(opened.size, 3);
      assert.deepEqual([...(await readAll(opened))], [1, 2, 3]);
      await opened.close?.();
      await assert.rejects(() => source.open("sub"), SourceError);
    }));

  test("a file opens as the source of its folder and its own name; symbolic links are followed", () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, "blob"), "xyz");
      await symlink(join(folder, "blob"), join(folder, "model.bin"));
      const { source, file } = await openPath(join(folder, "model.bin"));
      assert.equal(file, "model.bin");
      assert.deepEqual((await source.list()).sort(), ["blob", "model.bin"]);
      const opened = await source.open("model.bin");
      assert.equal(opened.size, 3);
      await opened.close?.();
    }));

  test("of several checkpoints in a folder loadPhi takes the one that a path names: a file, an index, a shard without one; without a name it is an error", () =>
    inFolder(async (folder) => {
      const tiny = (name: string) => inProject(`models/phi-tiny/${name}`);
      const shards = inProject("test/fixtures/golden/phi-4-mini");
      await copyFile(tiny("model.safetensors"), join(folder, "a.safetensors"));
      await copyFile(tiny("config.json"), join(folder, "config.json"));
      for (const name of ["b.safetensors", "c-00001-of-00001.safetensors", "x.safetensors.index.json", "m.gguf"])
        await writeFile(join(folder, name), "{}");
      const { memory } = await estimate(inProject("models/phi-tiny"));
      assert.deepEqual((await estimate(join(folder, "a.safetensors"))).memory, memory);
      await assert.rejects(estimate(folder), SourceError, /a\.safetensors, b\.safetensors, c-00001/);
      await assert.rejects(estimate(join(folder, "x.safetensors.index.json")), FormatError, /weight_map/);
      await rename(join(folder, "a.safetensors"), join(folder, "c-00001-of-00001.safetensors"));
      assert.deepEqual((await estimate(join(folder, "c-00001-of-00001.safetensors"))).memory, memory);
      for (const name of (await readdir(shards)).filter((n) => /^model-|^config\.json/.test(n)))
        await copyFile(join(shards, name), join(folder, name));
      await copyFile(join(shards, "model.safetensors.index.json"), join(folder, "x.safetensors.index.json"));
      const { memory: ofShards } = await estimate(shards);
      assert.deepEqual((await estimate(join(folder, "x.safetensors.index.json"))).memory, ofShards);
      assert.deepEqual((await estimate(join(folder, "model-00004-of-00005.safetensors"))).memory, ofShards);
    }));

  test("a file: URL is a path, as text or as a URL; one of another machine is a SourceError", () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, "a b.bin"), "xyz");
      const url = pathToFileURL(join(folder, "a b.bin"));
      for (const path of [url, url.href]) {
        const { source, file } = await openPath(path);
        assert.equal(file, "a b.bin");
        assert.deepEqual(await source.list(), ["a b.bin"]);
      }
      await assert.rejects(openPath("file://elsewhere/a"), SourceError);
    }));

  test("a range is read straight into a view of a WebAssembly memory, and nothing beside it", () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, "a"), Uint8Array.of(1, 2, 3, 4, 5, 6));
      const memory = new WebAssembly.Memory({ initial: 1 });
      const { source } = await openPath(folder);
      const opened = await source.open("a");
      const got = await opened.read(2, 3, new Uint8Array(memory.buffer, 100, 8));
      assert.equal(got.buffer, memory.buffer);
      assert.deepEqual([...new Uint8Array(memory.buffer, 99, 6)], [0, 3, 4, 5, 0, 0]);
      await opened.close?.();
    }));

  test("paths that do not exist are SourceErrors with code not_found that name the path", () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, "a"), "");
      for (const path of [join(folder, "nothing"), join(folder, "a", "below a file")]) {
        const error = (await assert.rejects(() => openPath(path), SourceError)) as SourceError;
        assert.equal(error.code, "not_found");
        assert.equal(error.file, path);
      }
      const { source } = await openPath(folder);
      const error = (await assert.rejects(() => source.open("b"), SourceError, /expected one of a/)) as SourceError;
      assert.equal(error.code, "not_found");
    }));

  test("what is listed but is no file (a named pipe without a writer, a link to a folder) is a SourceError, not a wait", () =>
    inFolder(async (folder) => {
      execFileSync("mkfifo", [join(folder, "pipe")]);
      await symlink(folder, join(folder, "here"));
      const { source } = await openPath(folder);
      assert.deepEqual((await source.list()).sort(), ["here", "pipe"]);
      for (const name of ["here", "pipe"]) await assert.rejects(() => source.open(name), SourceError, /not a file/);
    }));

  test("a folder that is gone by the time it is listed is a SourceError with its path", () =>
    inFolder(async (folder) => {
      await mkdir(join(folder, "model"));
      const { source } = await openPath(join(folder, "model"));
      await rm(join(folder, "model"), { recursive: true });
      const error = (await assert.rejects(() => source.list(), SourceError)) as SourceError;
      assert.equal(error.file, join(folder, "model"));
    }));

  test("no name leads out of the folder", () =>
    inFolder(async (folder) => {
      await mkdir(join(folder, "model"));
      await writeFile(join(folder, "secret"), "s");
      const { source } = await openPath(join(folder, "model"));
      for (const name of ["../secret", "..", "./a", join(folder, "secret"), "a\\..\\b", ""]) {
        const error = (await assert.rejects(() => source.open(name), SourceError)) as SourceError;
        assert.equal(error.code, "bad_name", name);
      }
      const sink = await createFolder(join(folder, "out"));
      await assert.rejects(() => sink.create("../x"), SourceError);
    }));

  test("a file that shrinks while it is open, a range past its end and a read after close are SourceErrors", () =>
    inFolder(async (folder) => {
      const path = join(folder, "a");
      await writeFile(path, new Uint8Array(100));
      const { source } = await openPath(path);
      const opened = await source.open("a");
      await assert.rejects(() => opened.read(90, 11), SourceError, /past the end/);
      await truncate(path, 50);
      await assert.rejects(() => opened.read(0, 100), SourceError, /shorter/);
      assert.equal((await opened.read(0, 50)).length, 50);
      await opened.close?.();
      await opened.close?.();
      await assert.rejects(() => opened.read(0, 1), SourceError, /closed/);
    }));

  test("a folder is made for writing, and files in it are replaced", () =>
    inFolder(async (folder) => {
      const path = join(folder, "new", "deep");
      for (const text of ["longer than", "short"]) {
        const file = await (await createFolder(path)).create("f");
        for (const char of text) await file.write(new TextEncoder().encode(char));
        await file.close();
      }
      const opened = await (await openPath(path)).source.open("f");
      assert.equal(new TextDecoder().decode(await readAll(opened)), "short");
      await opened.close?.();
    }));

  test("where there is no file system a path is a SourceError that says what to give instead", async () => {
    const error = (await assert.rejects(
      () => web.openPath("model"),
      SourceError,
      /Node, Bun or Deno.*bytesSource/,
    )) as SourceError;
    assert.equal(error.code, "no_paths");
    await assert.rejects(() => web.createFolder("model"), SourceError, /bytesSink/);
  });
});
