import {
  bytesSource,
  estimate,
  type Inspection,
  inspect,
  loadPhi,
  OptionError,
  PhiError,
  SourceError,
} from "../../src/index.ts";
import { filesOf, folder, phiTinyFolder, readFixture } from "../fixtures.ts";
import { GGUF_CASES, ggufFile } from "../gguf-golden.ts";
import { GOLDEN_CASES, goldenSource, INT4_CASES } from "../golden.ts";
import { suite } from "../harness.ts";

const rowsOf = ({ tensors }: Inspection) =>
  tensors.map((t) => `${t.class}: ${t.tensors} ${t.file} -> ${t.memory}, ${t.parameters}`);

suite("inspect", async ({ test, assert, engine }) => {
  test("phi-tiny: name, classes of tensors, formats, memory as estimate has it, tokenizer, chat format, stop tokens with sources", async () => {
    const found = await inspect(phiTinyFolder(engine), { budget: 6e6 });
    assert.deepEqual([found.loads, found.faults.length, found.container], [true, 0, "safetensors"]);
    assert.deepEqual(found.architecture, {
      modelType: "phi3",
      className: "Phi3ForCausalLM",
      models: "Phi-3, Phi-3.5, Phi-4, Phi-4-reasoning, Phi-4-mini",
    });
    assert.deepEqual([found.model, found.files], [{ name: "phi-tiny", exact: true }, ["model.safetensors"]]);
    assert.deepEqual(rowsOf(found), [
      "embedding: 1 BF16 -> q4, 524288",
      "attention: 12 BF16 -> q4, 1179648",
      "feed-forward: 12 BF16 -> q4, 3538944",
      "norms: 13 BF16 -> f32, 3328",
    ]);
    assert.deepEqual(found.parameters, { total: 5246208, active: 5246208 });
    assert.equal(
      found.tensors.reduce((n, t) => n + t.fileBytes, 0),
      found.sourceBytes,
    );
    const { memory, fits, largestContextSize } = await estimate(phiTinyFolder(engine), { budget: 6e6 });
    assert.deepEqual([found.memory, found.fits, found.largestContextSize], [memory, fits, largestContextSize]);
    const { tokenizer } = found;
    assert.deepEqual([tokenizer?.type, tokenizer?.units], ["BPE", "bytes"]);
    assert.equal((tokenizer?.vocabulary ?? 0) + (tokenizer?.addedTokens ?? 0) >= 2044, true);
    assert.deepEqual(found.chatFormat?.name, "phi-4-mini");
    assert.deepEqual(
      found.stopTokens.map((s) => `${s.id} ${s.token} ${s.sources.length > 0}`),
      ["2041 <|endoftext|> true", "2043 <|end|> true"],
    );
  });

  for (const name of [...GOLDEN_CASES, ...INT4_CASES])
    test(`${name} loads; its classes have all parameters, and all bytes that loading reads`, async () => {
      const found = await inspect(goldenSource(engine, name));
      assert.deepEqual(
        found.faults.map((f) => f.message),
        [],
      );
      const sum = (of: (t: Inspection["tensors"][number]) => number) => found.tensors.reduce((n, t) => n + of(t), 0);
      assert.deepEqual(
        [sum((t) => t.parameters), sum((t) => t.fileBytes)],
        [found.parameters?.total, found.sourceBytes],
      );
      assert.atMost(
        sum((t) => t.memoryBytes ?? 0),
        found.memory?.weights ?? 0,
      );
      assert.equal(
        found.tensors.some((t) => t.class === "experts"),
        name === "phi-3.5-moe",
      );
      if (name.startsWith("int4"))
        assert.ok(
          found.tensors.some((t) => ["GPTQ", "AWQ", "compressed-tensors"].includes(t.file)),
          rowsOf(found).join(),
        );
    });

  for (const [folder, type] of GGUF_CASES)
    test(`${folder} ${type}: container, block formats, tokenizer and stop tokens of the metadata`, async () => {
      const found = await inspect(bytesSource({ "model.gguf": await ggufFile(engine, folder, type) }));
      assert.deepEqual([found.loads, found.container, found.files], [true, "GGUF", ["model.gguf"]]);
      assert.ok(
        found.tensors.some((t) => type.startsWith(t.file.slice(0, 3))),
        rowsOf(found).join(),
      );
      assert.ok((found.tokenizer?.vocabulary ?? 0) > 100 && found.stopTokens.length > 0);
    });

  test("adapters that are given are told with rank, matrices and bytes, and those in the checkpoint by name; memory is as estimate has it with them", async () => {
    const phi2 = goldenSource(engine, "phi-2");
    const adapters = { mine: folder(engine, "test/fixtures/adapters/phi-2") };
    const found = await inspect(phi2, { adapters });
    const [{ name, rank, matrices, bytes }] = found.adapters;
    assert.deepEqual([found.loads, name, rank > 0 && matrices > 0 && bytes > 0], [true, "mine", true]);
    assert.deepEqual(found.memory, (await estimate(phi2, { adapters })).memory);
    const own = await inspect(goldenSource(engine, "phi-4-multimodal-hub-names"));
    assert.deepEqual([own.adapters, own.includedAdapters], [[], ["speech", "vision"]]);
    const wrong = await inspect(goldenSource(engine, "phi-4"), { adapters });
    assert.ok(!wrong.loads && wrong.config !== undefined && wrong.tokenizer === undefined, `${wrong.faults}`);
  });

  test("only headers are read: of phi-tiny's 10 MB of weights less than 100 kB, and every file is closed", async () => {
    const files = await filesOf(engine, "models/phi-tiny");
    const [source, open, read] = [bytesSource(files), new Set<object>(), new Map<string, number>()];
    await inspect({
      list: async () => [...files.keys()],
      async open(name) {
        const file = await source.open(name);
        open.add(file);
        return {
          size: file.size,
          read: (offset, length, into) => {
            read.set(name, (read.get(name) ?? 0) + length);
            return file.read(offset, length, into);
          },
          close: async () => void open.delete(file),
        };
      },
    });
    assert.atMost(read.get("model.safetensors") ?? 0, 100_000);
    assert.equal(open.size, 0);
  });

  test("an unknown option, a context that the model has not and nothing at all are errors, not faults; so is an abort", async () => {
    await assert.rejects(inspect(phiTinyFolder(engine), { bugdet: 1 } as object), OptionError, /"bugdet"/);
    await assert.rejects(inspect(phiTinyFolder(engine), { contextSize: 4096 }), OptionError, /contextSize/);
    await assert.rejects(inspect(3 as never), OptionError);
    await assert.rejects(inspect(`${await engine.server()}/nothing-here/model.gguf`), SourceError);
    const reason = new Error("not now");
    assert.equal(await assert.rejects(inspect(phiTinyFolder(engine), { signal: AbortSignal.abort(reason) })), reason);
  });

  test("a GGUF file of another architecture and tokenizer: both are told, and that it lacks a config is not", async () => {
    const bytes = await readFixture(engine, "gguf/types.gguf");
    const found = await inspect(bytes);
    assert.equal(found.loads, false);
    assert.ok(!found.faults.some((f) => /config\.json/.test(f.message)), found.faults.map((f) => f.message).join("\n"));
    await assert.rejects(loadPhi(bytes), PhiError);
  });
});
