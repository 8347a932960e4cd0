import { FormatError, OptionError } from "../../src/errors.ts";
import { CARRIED } from "../../src/formats/packed/packed.ts";
import { openSafetensors, type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { bytesSource, type LoadOptions, loadPhi, type Source } from "../../src/index.ts";
import { bytesSink, type QuantizeOptions, quantizeCheckpoint } from "../../src/quantize/index.ts";
import { loadTokenizer } from "../../src/tokenizer/index.ts";
import { filesOf, phiTinyFolder } from "../fixtures.ts";
import { goldenSource } from "../golden.ts";
import { suite } from "../harness.ts";

async function packed(folder: Source, options: QuantizeOptions = {}): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const { file } = await quantizeCheckpoint(folder, bytesSink(files), { fast: true, ...options });
  return files.get(file) as Uint8Array;
}

const ids = Array.from({ length: 40 }, (_, i) => (i * 7) % 100);

/** Logits of a model that came without a tokenizer, or with one. */
async function logitsOf(source: Source, options: LoadOptions = {}): Promise<Float32Array> {
  const phi = await loadPhi(source, { contextSize: 64, ...options });
  const logits = await phi.forward(ids, { logits: "all" });
  await phi.dispose();
  return logits;
}

const asFolder = (file: Uint8Array, name = "model.safetensors") => bytesSource({ [name]: file });

/** The file with some tensors and metadata changed. */
async function changed(
  file: Uint8Array,
  change: (tensors: Record<string, TensorData>, metadata: Record<string, string>) => void,
): Promise<Uint8Array> {
  const opened = await openSafetensors(file);
  const tensors: Record<string, TensorData> = {};
  for (const { name, dtype, shape } of opened.tensors.values())
    tensors[name] = { dtype, shape, data: await opened.read(name) };
  const metadata = { ...opened.metadata };
  change(tensors, metadata);
  return writeSafetensors(tensors, { metadata });
}

suite("quantize/packed", ({ test, assert, engine }) => {
  const tiny = phiTinyFolder(engine);
  const QKV = "model.layers.0.self_attn.qkv_proj.weight";

  test("matrices whose rows are no multiple of 8, as a vocabulary with one token more, are packed as loading packs them", async () => {
    const odd = bytesSource(await filesOf(engine, "test/fixtures/odd/phi-tied", (name) => name !== "expected.json"));
    const options = { weights: "q4", embedding: "q8" } as const;
    const logits = async (source: Source, more: LoadOptions = {}) => {
      const phi = await loadPhi(source, more);
      assert.equal(phi.config.vocabSize, 97);
      const all = await phi.forward([1, 96, 5], { logits: "all" });
      await phi.dispose();
      return all;
    };
    assert.deepEqual(await logits(asFolder(await packed(odd, options))), await logits(odd, options));
  });

  test("a packed file made by the search of loading gives the bits of quantizing on load: tied and untied models, q4 and q8", async () => {
    for (const [name, folder] of [
      ["phi-tiny", tiny],
      ["phi-4", goldenSource(engine, "phi-4")],
      ["phi-3-mini-4k", goldenSource(engine, "phi-3-mini-4k")],
    ] as const) {
      for (const [weights, embedding] of [
        ["q4", "q4"],
        ["q4", "q8"],
        ["q8", "q8"],
        ["q8", "q4"],
      ] as const) {
        const file = await packed(folder, { weights, embedding });
        const wanted = await logitsOf(folder, { weights, embedding });
        assert.deepEqual(await logitsOf(asFolder(file)), wanted, `${name}, ${weights}, ${embedding}`);
      }
    }
  });

  test("the same for every architecture: matrices that a checkpoint holds in parts, biases, experts, a router that stays float32", async () => {
    for (const name of ["phi-2", "phi-3.5-moe", "phi-3-small-8k", "phi-4-multimodal-hub-names"] as const) {
      const folder = goldenSource(engine, name);
      for (const [weights, embedding] of [
        ["q4", "q4"],
        ["q8", "q4"],
      ] as const) {
        const file = await packed(folder, { weights, embedding });
        const wanted = await logitsOf(folder, { weights, embedding });
        assert.deepEqual(await logitsOf(asFolder(file)), wanted, `${name}, ${weights}, ${embedding}`);
      }
    }
  });

  test("what is packed decides the formats; no byte is read twice, and the memory is as when it is quantized on load", async () => {
    const file = await packed(tiny, { embedding: "q8" });
    let read = 0;
    const phi = await loadPhi(asFolder(file), { onProgress: ({ loaded }) => (read = loaded) });
    assert.deepEqual([phi.weights, phi.embedding], ["q4", "q8"]);
    // The first byte of the header is looked at before the header is read.
    assert.ok(read > phi.memory.weights && read <= file.length + 1, `${read} of ${file.length} bytes`);
    const asked = await loadPhi(tiny, { embedding: "q8" });
    assert.deepEqual(phi.memory, asked.memory);
    assert.deepEqual(phi.stopTokens, asked.stopTokens);
    assert.equal((await phi.chat("What is 12 + 30?").result()).text, "12 + 30 = 42. The answer is 42.");
    await phi.dispose();
    await asked.dispose();
  });

  test("the small files are in it byte for byte, and the name of the file in its folder does not matter", async () => {
    const file = await packed(tiny);
    const opened = await openSafetensors(file);
    const names = CARRIED.filter((n) => opened.tensors.has(`files/${n}`));
    assert.deepEqual(names, ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]);
    for (const name of names)
      assert.deepEqual(await opened.read(`files/${name}`), await engine.read(`models/phi-tiny/${name}`), name);
    assert.equal(opened.metadata["phi-ts.packed"], "1");
    const phi = await loadPhi(asFolder(file, "my own name.safetensors"));
    const tokenizer = await loadTokenizer(tiny);
    assert.deepEqual(phi.tokenizer.encode("12 apples"), tokenizer.encode("12 apples"));
    await phi.dispose();
  });

  test("norms are float32, matrices the shape of their blocks: [rows / 8, inputs / 32, 144 or 272]", async () => {
    const { tensors } = await openSafetensors(await packed(tiny, { embedding: "q8" }));
    const about = (name: string) => [tensors.get(name)?.dtype, ...(tensors.get(name)?.shape ?? [])];
    assert.deepEqual(about("model.norm.weight"), ["F32", 256]);
    assert.deepEqual(about(QKV), ["U8", 64, 8, 144]);
    assert.deepEqual(about("model.layers.5.mlp.down_proj.weight"), ["U8", 32, 24, 144]);
    assert.deepEqual(about("model.embed_tokens.weight"), ["U8", 256, 8, 272]);
  });

  test("other formats than the file's, an unknown version, blocks of another shape, mixed formats and scales that are not finite are refused by name", async () => {
    const file = await packed(tiny);
    for (const options of [{ weights: "q8" }, { weights: "f32" }, { embedding: "q8" }] as const)
      await assert.rejects(
        loadPhi(asFolder(file), options),
        OptionError,
        /the file is packed already.*expected auto or q4/,
      );
    const refuses = async (code: string, message: RegExp, change: Parameters<typeof changed>[1]) => {
      const error = await assert.rejects(loadPhi(asFolder(await changed(file, change))), FormatError, message);
      assert.equal((error as FormatError).code, code);
    };
    await refuses("packed_version", /another version.*got "2"; expected 1/, (_, metadata) => {
      metadata["phi-ts.packed"] = "2";
    });
    await refuses(
      "format",
      /qkv_proj.weight: blocks of a q4 matrix.*got \[32, 16, 144\]; expected \[64, 8, 144\]/,
      (t) => {
        t[QKV] = { ...t[QKV], shape: [32, 16, 144] };
      },
    );
    await refuses(
      "mixed_formats",
      /matrices of one kind in two formats; got "q4 in model.layers.0.self_attn.qkv_proj.weight, BF16/,
      (t) => {
        const data = new Uint8Array(256 * 768 * 2);
        t["model.layers.3.mlp.down_proj.weight"] = { dtype: "BF16", shape: [256, 768], data };
      },
    );
    await refuses(
      "non_finite_weight",
      /qkv_proj.weight: a scale that is not finite; got "row 11, columns 32 to 63"/,
      (t) => {
        const data = (t[QKV].data as Uint8Array).slice();
        data[(8 + 1) * 144 + 2 * 3 + 1] = 0x7e; // block (1, 1), scale of row 3
        t[QKV] = { ...t[QKV], data };
      },
    );
    await refuses("format", /qkv_proj.weight: the shape is not what config.json says; got \[73728\]/, (t) => {
      t[QKV] = { ...t[QKV], shape: [64 * 8 * 144] };
    });
  });

  test("a packed file is not packed again", async () => {
    const source = asFolder(await packed(tiny));
    const error = await assert.rejects(quantizeCheckpoint(source, bytesSink(new Map())), FormatError, /packed already/);
    assert.equal((error as FormatError).code, "packed");
  });
});
