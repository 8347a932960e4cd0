import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { bytesSource } from "../../src/source/index.ts";
import type { Engine } from "../harness.ts";

/** Checkpoints of test/fixtures/tools/int4.py, and the formats that their layers' matrices should have in memory. */
export const CASES = {
  "gptq-64-asym": ["q4z"],
  "gptq-v2-32-asym-order": ["q4z"],
  "gptq-all-sym": ["q4"],
  "gptq-64-asym-order-head": ["q4z"],
  "awq-32": ["q4z"],
  "awq-64": ["q4z", "q8"],
  "packed-channel-sym-f16": ["q4"],
  "packed-32-asym": ["q4z"],
  "packed-64-asym-int8-zeros": ["q4z", "q8"],
  "packed-32-asym-order": ["q4z"],
  "phi-gptq-32-asym-order": ["q4z"],
  "phi-awq-64": ["q4z"],
  "llama-gptq-32-asym-order": ["q4z"],
  "llama-awq-64": ["q4z"],
  "llama-packed-32-sym": ["q4"],
} as const;
export type Case = keyof typeof CASES;

export const at = (name: Case) => `test/fixtures/int4/${name}`;

export async function expectedOf(engine: Engine, name: Case): Promise<{ ids: number[]; logits: Float32Array }> {
  const file = await openSafetensors(new Uint8Array(await engine.read(`${at(name)}/expected.safetensors`)));
  return { ids: [...(await file.toFloat32("ids"))], logits: await file.toFloat32("logits") };
}

export type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

/** The files of a checkpoint, with its weights' header and its config edited before they are put together again. */
export async function edited(
  engine: Engine,
  name: Case,
  change: {
    header?: (h: Header) => void;
    config?: (c: Record<string, unknown>) => void;
    data?: (h: Header, d: Uint8Array) => void;
  },
) {
  const bytes = new Uint8Array(await engine.read(`${at(name)}/model.safetensors`));
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Header;
  const zeros = bytes.length - 8 - length; // 4096 of them, behind the tensors
  const data = new Uint8Array(zeros + 4096);
  data.set(bytes.subarray(8 + length));
  change.data?.(header, data);
  change.header?.(header);
  const kept = Object.values(header).sort((a, b) => a.data_offsets[0] - b.data_offsets[0]);
  const parts = kept.map(({ data_offsets: [from, to] }) => data.slice(from, to));
  let end = 0;
  for (const [i, info] of kept.entries()) {
    info.data_offsets = [end, end + parts[i].length];
    end += parts[i].length;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const out = new Uint8Array(8 + json.length + end);
  new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
  out.set(json, 8);
  for (const [i, info] of kept.entries()) out.set(parts[i], 8 + json.length + info.data_offsets[0]);
  const config = JSON.parse(new TextDecoder().decode(await engine.read(`${at(name)}/config.json`)));
  change.config?.(config);
  return bytesSource({ "model.safetensors": out, "config.json": new TextEncoder().encode(JSON.stringify(config)) });
}

export const QKV = "model.layers.0.self_attn.qkv_proj";
export const words = (header: Header, data: Uint8Array, name: string) => {
  const [from, to] = header[name].data_offsets;
  return new DataView(data.buffer, data.byteOffset + from, to - from);
};
