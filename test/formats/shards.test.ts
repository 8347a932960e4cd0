import { FormatError, OptionError, SourceError } from "../../src/errors.ts";
import {
  type Bytes,
  bytesSource,
  openSafetensors,
  type SourceFile,
  writeSafetensors,
} from "../../src/formats/safetensors/index.ts";
import { suite } from "../harness.ts";

const one = (value: number) => ({ dtype: "U8" as const, shape: [1], data: Uint8Array.of(value) });
const A = "model-00001-of-00002.safetensors";
const B = "model-00002-of-00002.safetensors";
const INDEX = "model.safetensors.index.json";
const indexOf = (map: unknown) => new TextEncoder().encode(JSON.stringify({ metadata: {}, weight_map: map }));
const folder = (map: unknown, more: Record<string, Bytes> = {}) =>
  bytesSource({
    [A]: writeSafetensors({ a: one(1), b: one(2) }, { metadata: { format: "pt" } }),
    [B]: writeSafetensors({ c: one(3) }),
    [INDEX]: map instanceof Uint8Array ? map : indexOf(map),
    ...more,
  });
const GOOD = { a: A, b: A, c: B };

suite("safetensors/shards", ({ test, assert }) => {
  test("an index and its shards open as one file", async () => {
    const file = await openSafetensors(folder(GOOD));
    assert.deepEqual([...file.tensors.keys()], ["a", "b", "c"]);
    assert.equal(file.tensors.get("c")?.file, B);
    assert.deepEqual([...(await file.read("c"))], [3]);
    assert.deepEqual(file.metadata, { format: "pt" });
  });

  test("with both there, model.safetensors is taken before the index, as transformers does; the file option chooses", async () => {
    const source = folder(GOOD, { "model.safetensors": writeSafetensors({ single: one(9) }) });
    assert.deepEqual([...(await openSafetensors(source)).tensors.keys()], ["single"]);
    assert.deepEqual([...(await openSafetensors(source, { file: INDEX })).tensors.keys()], ["a", "b", "c"]);
    assert.deepEqual([...(await openSafetensors(source, { file: B })).tensors.keys()], ["c"]);
  });

  const faults: [string, unknown, string, string | undefined, string][] = [
    ["a tensor that its shard does not hold", { ...GOOD, d: B }, "safetensors_index", "d", INDEX],
    ["a tensor that the index puts into the wrong shard", { a: B, b: A, c: B }, "safetensors_index", "a", INDEX],
    ["a tensor of a shard that the index leaves out", { a: A, c: B }, "safetensors_index", "b", A],
    ["no weight_map", indexOf(undefined), "safetensors_index", undefined, INDEX],
    ["an empty weight_map", {}, "safetensors_index", undefined, INDEX],
    ["a weight_map that is a list", [A, B], "safetensors_index", undefined, INDEX],
    [
      "a tensor that comes twice in the index",
      new TextEncoder().encode(`{"weight_map":{"a":"${A}","a":"${B}"}}`),
      "duplicate_key",
      undefined,
      INDEX,
    ],
    ["an index that is no JSON", new TextEncoder().encode("{"), "json", undefined, INDEX],
  ];
  for (const [title, map, code, tensor, at] of faults) {
    test(`${title}: FormatError ${code}`, async () => {
      const error = (await assert.rejects(() => openSafetensors(folder(map)), FormatError)) as FormatError;
      assert.equal(error.code, code);
      assert.equal(error.tensor, tensor);
      assert.equal(error.file, at);
    });
  }

  test("a tensor in two shards is an error that names both, whichever the index names", async () => {
    const doubled = { [B]: writeSafetensors({ c: one(3), a: one(4) }) };
    for (const home of [A, B]) {
      const error = (await assert.rejects(
        () => openSafetensors(folder({ ...GOOD, a: home }, doubled)),
        FormatError,
      )) as FormatError;
      assert.equal(error.code, "safetensors_index");
      assert.equal(error.tensor, "a");
      assert.equal(error.got, `${A} and ${B}`);
    }
  });

  test("shard names that lead out of the folder are refused with code bad_name, shards that are not there with not_found", async () => {
    for (const name of ["../secret.safetensors", "/etc/passwd", "a\\b", "..", "", 5, null]) {
      const error = (await assert.rejects(
        () => openSafetensors(folder({ ...GOOD, c: name })),
        SourceError,
      )) as SourceError;
      assert.equal(error.code, "bad_name", String(name));
    }
    const error = (await assert.rejects(
      () => openSafetensors(folder({ ...GOOD, c: "none" })),
      SourceError,
    )) as SourceError;
    assert.equal(error.code, "not_found");
    assert.equal(error.file, "none");
  });

  test("a folder without a checkpoint is a SourceError that says what was looked for; what cannot be read at all, too", async () => {
    await assert.rejects(
      () => openSafetensors(bytesSource({ "config.json": new Uint8Array(2) })),
      SourceError,
      /model\.safetensors or .*config\.json/,
    );
    await assert.rejects(() => openSafetensors(7 as never), OptionError, /a path.*a Source/);
    await assert.rejects(() => openSafetensors(null as never), OptionError, /a path.*a Source/);
  });

  test("an index of more than 1000 shards is refused before any is opened", async () => {
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`t${i}`, `none-${i}.safetensors`]));
    const error = (await assert.rejects(() => openSafetensors(folder(many)), FormatError)) as FormatError;
    assert.equal(error.code, "safetensors_limit");
    assert.equal(error.got, 1001);
  });

  test("files are closed by close, and by any error while opening", async () => {
    let open = 0;
    const counted = (map: unknown) => {
      const source = folder(map);
      return {
        list: () => source.list(),
        open: async (name: string): Promise<SourceFile> => {
          const file = await source.open(name);
          open++;
          return { size: file.size, read: file.read, close: async () => void open-- };
        },
      };
    };
    const file = await openSafetensors(counted(GOOD));
    assert.equal(open, 2);
    await file.close();
    assert.equal(open, 0);
    for (const map of [{ a: A }, { ...GOOD, c: "none" }, { ...GOOD, c: INDEX }]) {
      await assert.rejects(() => openSafetensors(counted(map)));
      assert.equal(open, 0);
    }
  });
});
