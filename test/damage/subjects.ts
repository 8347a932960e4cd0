import { bytesSource } from "../../src/index.ts";
import { bytesSink, quantizeCheckpoint } from "../../src/quantize/index.ts";
import { filesOf, readFixture } from "../fixtures.ts";
import { craft, i32, u16, type Value } from "../formats/gguf/craft.ts";
import type { Engine } from "../harness.ts";
import { readGguf } from "./naive.ts";

/** A checkpoint that loads: its files, of which each may be damaged. */
export interface Subject {
  name: string;
  files: ReadonlyMap<string, Uint8Array>;
  /** Files of a LoRA adapter for it, which are damaged in place of its own. */
  adapter?: ReadonlyMap<string, Uint8Array>;
}

const FOLDERS = [
  ["safetensors", "odd/phi-tied"],
  ["safetensors of experts", "odd/phimoe-4"],
  ["shards with an index", "golden/phi-4-mini"],
  ["safetensors of phi3small", "golden/phi-3-small-8k"],
  ["gptq", "int4/gptq-64-asym"],
  ["gptq in any order", "int4/gptq-v2-32-asym-order"],
  ["gptq, symmetric", "int4/gptq-all-sym"],
  ["awq", "int4/awq-32"],
  ["compressed-tensors", "int4/packed-32-asym-order"],
  ["compressed-tensors, int8 zeros", "int4/packed-64-asym-int8-zeros"],
] as const;

const keep = (file: string): boolean => !/golden|hub|expected|dequant|README/.test(file);

/** One small checkpoint for each way to hold one. */
export async function readSubjects(engine: Engine): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const [name, folder] of FOLDERS) {
    subjects.push({ name, files: await filesOf(engine, `test/fixtures/${folder}`, keep) });
  }
  const tokenizer = await readFixture(engine, "golden/gguf-phi-4/tokenizer.json");
  const [tied] = subjects;
  subjects.push({ name: "safetensors with a tokenizer", files: new Map(tied.files).set("tokenizer.json", tokenizer) });
  subjects.push({ name: "packed file", files: await packed(tied) });
  const gguf = await readFixture(engine, "golden/gguf-phi-4/model.Q4_0.gguf");
  subjects.push({ name: "GGUF", files: new Map([["model.gguf", gguf]]) });
  subjects.push({ name: "split GGUF", files: split(gguf, 3) });
  const mixed = await readFixture(engine, "golden/gguf-kquant/model.Q4_K_M.gguf");
  subjects.push({ name: "GGUF of K-blocks", files: new Map([["model.gguf", mixed]]) });
  const llama = "llama/phi-4-as-llama";
  const own = (file: string) => /^(config|model\.safetensors|tokenizer)(\.json)?$/.test(file);
  subjects.push({ name: "a Phi as a Llama", files: await filesOf(engine, `test/fixtures/${llama}`, own) });
  const moved = await readFixture(engine, `${llama}/model.Q4_0.gguf`);
  subjects.push({ name: "GGUF of a Llama", files: new Map([["model.gguf", moved]]) });
  const base = await filesOf(engine, "test/fixtures/golden/phi-2", keep);
  subjects.push({ name: "adapter", files: base, adapter: await filesOf(engine, "test/fixtures/adapters/phi-2") });
  return subjects;
}

async function packed({ files }: Subject): Promise<Map<string, Uint8Array>> {
  const out = new Map<string, Uint8Array>();
  await quantizeCheckpoint(bytesSource(files), bytesSink(out), { fast: true });
  return out;
}

/** The file as llama.cpp's gguf-split would cut it: the metadata in the first part, tensors by turns. */
function split(whole: Uint8Array, parts: number): Map<string, Uint8Array> {
  const { meaning, fields } = readGguf(whole);
  const entries = metadataOf(whole, fields);
  const files = new Map<string, Uint8Array>();
  const five = (n: number) => String(n).padStart(5, "0");
  for (let no = 0; no < parts; no++) {
    const mine = [...meaning].filter((_, i) => i % parts === no);
    const file = craft({
      metadata: [
        ...(no === 0 ? entries : []),
        ["split.no", u16(no)],
        ["split.count", u16(parts)],
        ["split.tensors.count", i32(meaning.size)],
      ],
      tensors: mine.map(([name, { kind, bytes }]) => {
        const [type, axes] = kind.split(" ");
        return { name, axes: axes === "" ? [] : axes.split(",").map(Number), type: Number(type), data: bytes };
      }),
    });
    files.set(`phi-${five(no + 1)}-of-${five(parts)}.gguf`, file);
  }
  return files;
}

/** The entries of the metadata as they stand in the file. */
function metadataOf(whole: Uint8Array, fields: ReturnType<typeof readGguf>["fields"]): [string, Value][] {
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const count = Number(view.getBigUint64(16, true));
  const entries: [string, Value][] = [];
  let next = 4; // magic, version, two counts
  for (let i = 0; i < count; i++) {
    const key = fields[next + 1];
    const from = fields[next + 2].at;
    const type = view.getUint32(from, true);
    next += 3;
    if (type === 8) next += 2;
    else if (type === 9) {
      const [inner, length] = [
        view.getUint32(fields[next].at, true),
        Number(view.getBigUint64(fields[next].at + 4, true)),
      ];
      next += 2 + (inner === 8 ? 2 * length : 1);
    } else next += 1;
    const bytes = whole.subarray(from, fields[next].at);
    entries.push([new TextDecoder().decode(whole.subarray(key.at, key.at + key.bytes)), (w) => w.bytes(bytes)]);
  }
  return entries;
}
