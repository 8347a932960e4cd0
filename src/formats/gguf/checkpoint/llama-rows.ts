import type { GgufTensor } from "../layout.ts";
import type { Fields } from "./fields.ts";

/**
 * Rows of the query and key matrices of architecture "llama". Where Hugging Face turns dim j of a head together with dim j + dh/2, llama.cpp turns
 * neighbours in files of this architecture; its converter has moved the rows of each head accordingly:
 *
 *     row of the file    0   1   2       3     …   dh - 2     dh - 1
 *     row of HF          0  dh/2  1  dh/2 + 1  …  dh/2 - 1    dh - 1
 *
 * Rows are whole blocks of every type, so that bringing them back changes no bit. Source: LlamaModel.permute in llama.cpp's converter
 * (conversion/llama.py, before convert_hf_to_gguf.py), and LLM_ARCH_LLAMA under LLAMA_ROPE_TYPE_NORM in llama-model.cpp.
 */

/** Heads of a matrix whose rows have been moved; undefined for all others, and for sizes that do not fit, which are refused elsewhere. */
export function headsOf(fields: Fields, arch: string, { name, shape }: GgufTensor): number | undefined {
  const [, kind] = /\.self_attn\.([qk])_proj\.weight$/.exec(name) ?? [];
  if (arch !== "llama" || kind === undefined) return undefined;
  const all = fields.number("llama.attention.head_count");
  const heads = kind === "q" ? all : (fields.maybeNumber("llama.attention.head_count_kv") ?? all);
  return shape.length === 2 && heads > 0 && shape[0] % (2 * heads) === 0 ? heads : undefined;
}

/** Where row `r` of a head of `dh` rows lies in the file. */
const placeOf = (r: number, dh: number): number => (r < dh / 2 ? 2 * r : 2 * (r - dh / 2) + 1);

/**
 * A matrix [N, C] with its rows in Hugging Face's order.
 * @param read fills `into` with bytes of the file's tensor from `offset` on
 */
export function inHubOrder(
  { shape: [rows], byteLength }: Pick<GgufTensor, "shape" | "byteLength">,
  heads: number,
  read: (offset: number, into: Uint8Array) => Promise<Uint8Array>,
) {
  const dh = rows / heads;
  const rowBytes = byteLength / rows;
  // One head is kept, so that a matrix which is read from its beginning to its end is read once.
  let kept: { head: number; bytes: Promise<Uint8Array> } | undefined;
  const bytesOf = (head: number): Promise<Uint8Array> => {
    if (kept?.head === head) return kept.bytes;
    const bytes = read(head * dh * rowBytes, new Uint8Array(dh * rowBytes));
    kept = { head, bytes };
    bytes.catch(() => {
      kept = undefined;
    });
    return bytes;
  };
  return {
    async readInto(offset: number, into: Uint8Array): Promise<Uint8Array> {
      let head = -1;
      let bytes = new Uint8Array(0);
      for (let at = 0; at < into.length; ) {
        const row = Math.floor((offset + at) / rowBytes);
        const within = offset + at - row * rowBytes;
        if (Math.floor(row / dh) !== head) {
          head = Math.floor(row / dh);
          bytes = (await bytesOf(head)) as Uint8Array<ArrayBuffer>;
        }
        const from = placeOf(row % dh, dh) * rowBytes + within;
        const n = Math.min(rowBytes - within, into.length - at);
        into.set(bytes.subarray(from, from + n), at);
        at += n;
      }
      return into;
    },
    /** The same of values in the file's order. */
    floats(values: Float32Array): Float32Array {
      const C = values.length / rows;
      const out = new Float32Array(values.length);
      for (let row = 0; row < rows; row++) {
        const from = (row - (row % dh) + placeOf(row % dh, dh)) * C;
        out.set(values.subarray(from, from + C), row * C);
      }
      return out;
    },
  };
}
