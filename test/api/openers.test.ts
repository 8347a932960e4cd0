import { loadPhi, PhiError, SourceError } from "../../src/index.ts";
import { bytesSource } from "../../src/source/index.ts";
import { filesOf } from "../fixtures.ts";
import { suite } from "../harness.ts";
import { visit } from "../source/http-visit.ts";

type Files = Record<string, Uint8Array<ArrayBuffer>>;
const SINGLE = "model.safetensors";

suite("api/openers", async ({ test, assert, engine }) => {
  const tiny: Files = Object.fromEntries(await filesOf(engine, "models/phi-tiny", (n) => /^(config|model)\b/.test(n)));
  const shards: Files = Object.fromEntries(
    await filesOf(engine, "test/fixtures/golden/phi-4-mini", (n) => /^config\.json|^model/.test(n)),
  );
  const gguf = await engine.read("test/fixtures/golden/gguf-phi-4-mini/model.Q4_0.gguf");

  /** A folder with one file called otherwise, or left out where the name is undefined. */
  const renamed = (files: Files, names: Record<string, string | undefined>): Files =>
    Object.fromEntries(
      Object.entries(files).flatMap(([name, bytes]) => {
        const to = name in names ? names[name] : name;
        return to === undefined ? [] : [[to, bytes]];
      }),
    );
  const blobsOf = (files: Files) =>
    Object.fromEntries(Object.entries(files).map(([n, bytes]) => [n, new Blob([bytes])]));
  const first = async (source: Parameters<typeof loadPhi>[0]) => {
    const phi = await loadPhi(source, { threads: 1 });
    const logits = await phi.forward([5, 6, 7]);
    await phi.dispose();
    return logits;
  };
  const expected = await first(bytesSource(tiny));
  const ofShards = await first(bytesSource(shards));
  const ofGguf = await first(gguf);

  for (const name of ["gptq_model-4bit-128g.safetensors", "Phi weights v1.safetensors", "a.b.safetensors"]) {
    test(`${name} alone with config.json is the checkpoint: of bytes, Blobs and Files`, async () => {
      const files = renamed(tiny, { [SINGLE]: name });
      assert.deepEqual(await first(bytesSource(files)), expected);
      assert.deepEqual(await first(blobsOf(files)), expected);
      assert.deepEqual(await first(Object.entries(files).map(([n, bytes]) => new File([bytes], n))), expected);
    });
  }

  const stem = (to: string) =>
    Object.fromEntries(Object.keys(shards).map((n) => [n, n.replace(/^model(?=[-.])/, to)] as const));
  test("shards of any stem, with their index or without, are one checkpoint; without one of them it is not_found, which names it", async () => {
    const index = "model.safetensors.index.json";
    // The index names the shards, so that with it only itself may be called otherwise.
    assert.deepEqual(await first(bytesSource(shards)), ofShards);
    assert.deepEqual(await first(bytesSource(renamed(shards, { [index]: undefined }))), ofShards);
    assert.deepEqual(await first(bytesSource(renamed(shards, { ...stem("x"), [index]: undefined }))), ofShards);
    const lacking = renamed(shards, { [index]: undefined, "model-00002-of-00005.safetensors": undefined });
    const error = await assert.rejects(first(bytesSource(lacking)), SourceError, /expected model-00002-of-00005/);
    assert.equal((error as PhiError).code, "not_found");
  });

  test("several checkpoints in a folder are a SourceError (several) that lists them; model.safetensors, its index and config.json decide as ever; adapters do not count", async () => {
    const two = { ...renamed(tiny, { [SINGLE]: "a.safetensors" }), "b.safetensors": tiny[SINGLE] };
    const error = await assert.rejects(first(bytesSource(two)), SourceError, /a\.safetensors, b\.safetensors/);
    assert.equal((error as PhiError).code, "several");
    const none = { "b.safetensors": tiny[SINGLE], "m.gguf": gguf };
    await assert.rejects(first(bytesSource(none)), SourceError, /m\.gguf, b\.safetensors/);
    assert.deepEqual(await first(bytesSource({ ...tiny, "b.safetensors": gguf })), expected);
    const adapter = { ...renamed(tiny, { [SINGLE]: "a.safetensors" }), "adapter_model.safetensors": gguf };
    assert.deepEqual(await first(bytesSource(adapter)), expected);
  });

  test("a folder with GGUF files and no safetensors is that of the GGUF, with a config.json or without", async () => {
    assert.deepEqual(await first(bytesSource({ "m.gguf": gguf })), ofGguf);
    assert.deepEqual(await first(bytesSource({ "m.gguf": gguf, "config.json": shards["config.json"] })), ofGguf);
    assert.deepEqual(await first(bytesSource({ "m.gguf": gguf, "mmproj-x.gguf": gguf })), ofGguf);
    const two = bytesSource({ "m.gguf": gguf, "n.gguf": gguf });
    assert.equal(((await assert.rejects(first(two), SourceError)) as PhiError).code, "several");
  });

  for (const [what, files] of [
    ["pytorch_model.bin", { "pytorch_model.bin": "PK\u0003\u0004", "training_args.bin": "x" }],
    ["shards of pickles", { "pytorch_model-00001-of-00002.bin": "x", "optimizer.pt": "x" }],
    ["model.onnx", { "model.onnx": "x", "model.onnx.data": "x" }],
    ["flax_model.msgpack", { "flax_model.msgpack": "x" }],
  ] as const) {
    test(`a folder that has only ${what} is refused by name: SourceError foreign`, async () => {
      const bytes = Object.entries(files).map(([n, t]) => [n, new TextEncoder().encode(t)] as const);
      const folder = bytesSource({ "config.json": tiny["config.json"], ...Object.fromEntries(bytes) });
      const error = (await assert.rejects(first(folder), SourceError, /and is not read; expected/)) as SourceError;
      assert.deepEqual([error.code, error.file], ["foreign", bytes[0][0]]);
    });
  }

  test("one Blob or File: GGUF whatever it is called; a pickle by its name and by its content; safetensors alone lack a config.json", async () => {
    assert.deepEqual(await first(new Blob([gguf])), ofGguf);
    assert.deepEqual(await first(new File([gguf], "weights.bin")), ofGguf);
    const codeOf = async (source: Blob) => ((await assert.rejects(first(source), PhiError)) as PhiError).code;
    assert.equal(await codeOf(new File(["anything"], "pytorch_model.bin")), "foreign");
    assert.equal(await codeOf(new File(["anything"], "model.onnx")), "foreign");
    assert.equal(await codeOf(new Blob(["PK\u0003\u0004 and more"])), "foreign");
    assert.equal(await codeOf(new Blob(["anything at all"])), "safetensors_header");
    for (const source of [new Blob([tiny[SINGLE]]), tiny[SINGLE], tiny[SINGLE].buffer])
      await assert.rejects(first(source), SourceError, /not one of a checkpoint's files alone/);
    const folder = new File([tiny["config.json"]], "tokenizer.json");
    await assert.rejects(first(folder), SourceError, /not one of a checkpoint's files alone/);
  });

  test("over HTTP: a folder, its config.json, a weights file by its name, an index and a shard", async () => {
    const { base } = await visit(engine);
    for (const path of ["tiny", "tiny/", "tiny/config.json", `tiny/${SINGLE}`])
      assert.deepEqual(await first(`${base}/${path}`), expected, path);
    for (const path of ["sharded/", "sharded/model.safetensors.index.json", "sharded/model-00003-of-00005.safetensors"])
      assert.deepEqual(await first(`${base}/${path}`), ofShards, path);
    await assert.rejects(first(`${base}/tiny/pytorch_model.bin`), SourceError, /no such file/);
    await assert.rejects(first(`${base}/tiny/tokenizer.json`), SourceError, /not one of a checkpoint's files alone/);
    await assert.rejects(first(`${base}/nothing/`), SourceError, /no config\.json, and a web server/);
  });

  if (engine.features.files) {
    test("paths: a folder, its config.json, a weights file, an index, a shard; other *.safetensors in the folder are left alone", async () => {
      for (const path of ["", "/config.json", `/${SINGLE}`])
        assert.deepEqual(await first(`models/phi-tiny${path}`), expected, path);
      for (const path of ["", "/model.safetensors.index.json", "/model-00003-of-00005.safetensors"])
        assert.deepEqual(await first(`test/fixtures/golden/phi-4-mini${path}`), ofShards, path);
    });
  }
});
