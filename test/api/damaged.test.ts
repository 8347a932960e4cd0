import { openSafetensors, type TensorData, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { bytesSource, ConfigError, FormatError, type LoadOptions, loadPhi, PhiError } from "../../src/index.ts";
import { filesOf } from "../fixtures.ts";
import { suite } from "../harness.ts";
import { randomSource } from "../random.ts";

type Files = Map<string, Uint8Array<ArrayBuffer>>;
type Json = Record<string, unknown>;

const ofCheckpoint = (name: string): boolean => !/^golden|README|package|hub/.test(name);

const encode = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
const decode = (bytes: Uint8Array | undefined): Json => JSON.parse(new TextDecoder().decode(bytes));

/** Values that somebody might put where another belongs. */
const STRANGE = [null, true, -1, 0, 0.5, 3, 1e9, 2 ** 31, 1e308, 1e-308, "", "x", [], {}, [null], Array(40).fill(1)];

/** One damage of a file: flipped bits, a cut, a copy of one place over another, or a JSON value replaced. */
function damage(name: string, bytes: Uint8Array<ArrayBuffer>, random: () => number): Uint8Array<ArrayBuffer> {
  const upTo = (n: number) => Math.floor(random() * n);
  const kind = upTo(name.endsWith(".json") ? 6 : 3);
  if (kind >= 3) return encode(replaced(decode(bytes), upTo));
  const headerBytes = name.endsWith(".json") ? bytes.length : 8 + new DataView(bytes.buffer).getUint16(0, true);
  const out = bytes.slice();
  if (kind === 0) for (let i = 0; i < 3; i++) out[upTo(headerBytes)] ^= 1 << upTo(8);
  if (kind === 1) out.copyWithin(upTo(headerBytes), upTo(headerBytes), headerBytes);
  return kind === 2 ? out.slice(0, upTo(out.length)) : out;
}

function replaced(value: unknown, upTo: (n: number) => number): unknown {
  if (typeof value !== "object" || value === null || upTo(8) === 0) return STRANGE[upTo(STRANGE.length)];
  const keys = Object.keys(value);
  const key = keys[upTo(keys.length)];
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Json;
  if (upTo(8) === 0) delete copy[key];
  else copy[key] = replaced(copy[key], upTo);
  return copy;
}

/** Loads and runs what comes of it. */
async function use(files: Files, options?: LoadOptions): Promise<void> {
  const phi = await loadPhi(bytesSource(files), options);
  try {
    await phi.forward([1, 2]);
    if (files.has("tokenizer.json")) phi.tokenizer.encode("Hello <|end|>");
    await phi.generate([1, 2], { maxTokens: 2 }).result();
  } finally {
    await phi.dispose();
  }
}

suite("api/damaged", async ({ test, assert, engine }) => {
  for (const [folder, copies] of [
    ["models/phi-tiny", 60],
    ["test/fixtures/golden/phi-4-mini", 150],
    ["test/fixtures/golden/phi-3-mini-128k", 150],
  ] as const) {
    test(`${folder.split("/").at(-1)}: of ${copies} damaged copies each loads and runs, or fails with a PhiError of at most 800 characters in one line`, async () => {
      const random = randomSource(7);
      const whole = await filesOf(engine, folder, ofCheckpoint);
      // Weights of phi-tiny take a while to load; its texts are the larger part of this test.
      const names = [...whole.keys()].filter((name) => name.endsWith(".json") || !whole.has("tokenizer.json"));
      let failures = 0;
      for (let i = 0; i < copies; i++) {
        const files = new Map(whole);
        const name = names[Math.floor(random() * names.length)];
        files.set(name, damage(name, whole.get(name) as Uint8Array<ArrayBuffer>, random));
        try {
          await use(files);
        } catch (error) {
          if (!(error instanceof PhiError)) throw new Error(`damage ${i} of ${name}: ${error}`, { cause: error });
          assert.ok(error.message.length <= 800 && !/[\n\u001b]/.test(error.message), error.message);
          failures++;
        }
      }
      assert.ok(failures > copies / 3, `${failures} failures`);
    });
  }

  const golden = await filesOf(engine, "test/fixtures/golden/phi-4-mini", ofCheckpoint);
  const withConfig = (change: Json) => {
    const files = new Map(golden);
    files.set("config.json", encode({ ...decode(golden.get("config.json")), ...change }));
    return bytesSource(files);
  };

  test("absurd sizes in config.json are refused by name, or by the tensor that has another shape", async () => {
    for (const [change, kind, message] of [
      [{ num_hidden_layers: 1e9 }, ConfigError, /num_hidden_layers.*1000000000.*1 to 1024/],
      [{ num_hidden_layers: 1024 }, FormatError, /tensor model\.layers\.3\..*lacks/],
      [{ vocab_size: 2 ** 31 }, ConfigError, /vocab_size/],
      [{ vocab_size: 2 ** 31 - 1 }, FormatError, /embed_tokens.*2147483647/],
      [{ head_dim: 2 ** 31 - 2, rope_parameters: null }, FormatError, /qkv_proj/],
      [{ hidden_size: 6 * 2 ** 28, rope_parameters: null }, FormatError, /embed_tokens/],
      [{ intermediate_size: 2 ** 31 - 1 }, FormatError, /gate_up_proj/],
      [{ num_attention_heads: 2 ** 30, head_dim: 2 ** 30, rope_parameters: null }, FormatError, /qkv_proj/],
      [{ max_position_embeddings: 2 ** 53 }, ConfigError, /max_position_embeddings/],
    ] as const) {
      await assert.rejects(loadPhi(withConfig(change)), kind, message);
    }
  });

  test("a context of 2^31 positions is a MemoryError that names one which fits, or an angle too far; by default it is 4096", async () => {
    const source = withConfig({ max_position_embeddings: 2 ** 31 - 1 });
    await assert.rejects(loadPhi(source, { contextSize: 2 ** 31 - 1 }), ConfigError, /rope.*1048576 radians/);
    await assert.rejects(loadPhi(source, { contextSize: 2 ** 20, kvTokens: 2 ** 31 }), PhiError, /too large|no memory/);
    const phi = await loadPhi(source);
    assert.equal(phi.contextSize, 4096);
    await phi.dispose();
  });

  test("frequencies that are no numbers are refused before memory is taken", async () => {
    for (const rope_theta of [1e-308, 1e-9])
      await assert.rejects(loadPhi(withConfig({ rope_parameters: { rope_theta } })), ConfigError, /rope_theta/);
    const { rope_parameters } = decode(golden.get("config.json"));
    for (const name of ["short_factor", "long_factor"]) {
      const change = { ...(rope_parameters as Json), [name]: Array(6).fill(1e-308) };
      await assert.rejects(loadPhi(withConfig({ rope_parameters: change })), ConfigError, /factors/);
    }
  });

  test("lists nested a hundred thousand deep, in any text file, are a PhiError", async () => {
    const deep = new TextEncoder().encode("[".repeat(1e5) + "]".repeat(1e5));
    const tiny = await filesOf(engine, "models/phi-tiny", ofCheckpoint);
    for (const name of ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]) {
      await assert.rejects(use(new Map(tiny).set(name, deep)), PhiError);
    }
    const files = new Map(golden).set("model.safetensors.index.json", deep);
    await assert.rejects(use(files), FormatError, /nested/);
  });

  /** The golden's tensors in one file, with some more or without some. */
  async function single(change: Record<string, TensorData | undefined>) {
    const whole = await openSafetensors(bytesSource(golden));
    const tensors: Record<string, TensorData> = {};
    for (const { name, dtype, shape } of whole.tensors.values())
      tensors[name] = { dtype, shape, data: await whole.read(name) };
    const kept = Object.entries({ ...tensors, ...change }).filter((entry): entry is [string, TensorData] => !!entry[1]);
    const files = new Map<string, Uint8Array>([...golden].filter(([name]) => !name.startsWith("model")));
    return bytesSource(files.set("model.safetensors", writeSafetensors(kept)));
  }
  const vector = (n: number): TensorData => ({ dtype: "F32", shape: [n], data: new Float32Array(n) });

  test("a layer or a bias that config.json does not know is refused; what lies outside of the layers is left aside", async () => {
    const error = await assert.rejects(loadPhi(withConfig({ num_hidden_layers: 2 })), FormatError, /layers\.2\./);
    assert.equal((error as PhiError).code, "extra_tensor");
    for (const name of ["model.layers.0.self_attn.qkv_proj.bias", "model.layers.3.input_layernorm.weight"])
      await assert.rejects(
        single({ [name]: vector(4) }).then((s) => loadPhi(s)),
        FormatError,
        new RegExp(name),
      );
    const harmless = { note: vector(1), "model.layers.0.self_attn.rotary_emb.inv_freq": vector(6) };
    await (await loadPhi(await single({ ...harmless, "lm_head.weight": vector(3) }))).dispose();
  });

  test("a missing tensor is named with its shape and with the file in which it was looked for", async () => {
    const error = await assert.rejects(
      single({ "model.norm.weight": undefined }).then((source) => loadPhi(source)),
      FormatError,
      /file model\.safetensors, tensor model\.norm\.weight: .*lacks.*expected \[96\]/,
    );
    assert.equal((error as PhiError).code, "missing_tensor");
  });
});
