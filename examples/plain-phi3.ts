// A whole Phi-3 in plain loops and float64, without a cache, without kernels, and with the parts of it that the guide is about left open:
//   npx tsx --conditions=phi-ts-source examples/plain-phi3.ts
// Letters: T tokens, D hidden, H query heads, K key/value heads, dh head dim, R rotary dims, F ffn, V vocabulary.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { openSafetensors } from "phi-ts/safetensors";

/** The parts that are left open. */
export interface Parts {
  /** A head [dh] of a query or key, turned by its token's position. */
  rotate(head: Float64Array, position: number): Float64Array;
  /** The first position that the token at `position` sees; the last one is its own. */
  from?(position: number): number;
  /** Told of every query head: the weights of positions 0 … i. */
  attended?(layer: number, head: number, i: number, weights: Float64Array): void;
}

/** Logits of all positions, T rows [V], of the phi3-type checkpoint in `folder`. */
export async function plainPhi3(folder: string, ids: readonly number[], parts: Parts): Promise<Float64Array[]> {
  const config = JSON.parse(await readFile(`${folder}/config.json`, "utf8"));
  const { hidden_size: D, num_attention_heads: H, num_key_value_heads: K, rms_norm_eps: eps } = config;
  const file = await openSafetensors(folder);
  const weight = (name: string) => file.toFloat32(`${name}.weight`);

  const table = await weight("model.embed_tokens"); //                          [V, D]
  const x = ids.map((id) => Float64Array.from(table.subarray(id * D, (id + 1) * D))); // T rows [D]
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const qkv = await weight(`${at}.self_attn.qkv_proj`); //                    [(H + 2K)·dh, D]
    const o = await weight(`${at}.self_attn.o_proj`); //                        [D, H·dh]
    const gateUp = await weight(`${at}.mlp.gate_up_proj`); //                   [2F, D]
    const down = await weight(`${at}.mlp.down_proj`); //                        [D, F]
    const [norm1, norm2] = [await weight(`${at}.input_layernorm`), await weight(`${at}.post_attention_layernorm`)];

    const qkvRows = x.map((row) => times(qkv, rmsnorm(row, norm1, eps))); //    T rows [(H + 2K)·dh]
    const mixed = attention(qkvRows, [H, K, D / H], parts, layer); //           T rows [H·dh]
    x.forEach((row, t) => {
      add(row, times(o, mixed[t]));
    });
    for (const row of x) {
      const both = times(gateUp, rmsnorm(row, norm2, eps)); //                  [2F]
      const F = both.length / 2;
      add(
        row,
        times(
          down,
          both.slice(0, F).map((gate, f) => (gate / (1 + Math.exp(-gate))) * both[F + f]),
        ),
      );
    }
  }
  const norm = await weight("model.norm");
  const out = config.tie_word_embeddings ? table : await weight("lm_head"); //  [V, D]
  await file.close();
  return x.map((row) => times(out, rmsnorm(row, norm, eps)));
}

/** The mixtures of values, T rows [H·dh], of the queries, keys and values in T rows [(H + 2K)·dh]. */
function attention(qkv: Float64Array[], [H, K, dh]: number[], parts: Parts, layer: number): Float64Array[] {
  const head = (t: number, h: number) => qkv[t].slice(h * dh, (h + 1) * dh); // queries, then keys, then values
  const keys = qkv.map((_, t) => range(K).map((g) => parts.rotate(head(t, H + g), t)));
  return qkv.map((_, i) => {
    const out = new Float64Array(H * dh);
    const from = parts.from?.(i) ?? 0;
    for (let h = 0; h < H; h++) {
      const g = Math.floor((h * K) / H); // H / K query heads share a key head
      const query = parts.rotate(head(i, h), i);
      const scores = range(i + 1 - from).map((n) => dot(query, keys[from + n][g]) / Math.sqrt(dh));
      const weights = softmax(scores); // of positions from … i
      weights.forEach((weight, n) => {
        add(
          out.subarray(h * dh, (h + 1) * dh),
          head(from + n, H + K + g).map((v) => weight * v),
        );
      });
      parts.attended?.(layer, h, i, Float64Array.of(...range(from).fill(0), ...weights));
    }
    return out;
  });
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i], 0);

function add(row: Float64Array, more: Float64Array): void {
  for (let d = 0; d < row.length; d++) row[d] += more[d];
}

/** W [N, C] times a row [C]. */
function times(W: Float32Array, row: Float64Array): Float64Array {
  const C = row.length;
  const out = new Float64Array(W.length / C);
  for (let n = 0; n < out.length; n++) for (let c = 0; c < C; c++) out[n] += W[n * C + c] * row[c];
  return out;
}

function rmsnorm(row: Float64Array, weight: Float32Array, eps: number): Float64Array {
  const r = 1 / Math.sqrt(dot(row, row) / row.length + eps);
  return row.map((v, d) => v * r * weight[d]);
}

function softmax(scores: number[]): number[] {
  const most = Math.max(...scores);
  const e = scores.map((s) => Math.exp(s - most));
  const sum = e.reduce((a, b) => a + b);
  return e.map((v) => v / sum);
}

/** RoPE as chapter 3 explains it: dims i and i + R/2 turn together, by position · theta^(-2i / R). */
export function rope(theta: number, R: number): Parts["rotate"] {
  return (head, position) => {
    const out = head.slice();
    for (let i = 0; i < R / 2; i++) {
      const angle = position * theta ** ((-2 * i) / R);
      out[i] = head[i] * Math.cos(angle) - head[i + R / 2] * Math.sin(angle);
      out[i + R / 2] = head[i + R / 2] * Math.cos(angle) + head[i] * Math.sin(angle);
    }
    return out;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const prompt = [2044, 354, 270, 220, 16, 17, 288, 220, 18, 15, 30, 2043, 2042]; // "What is 12 + 30?" in the chat format
  const logits = await plainPhi3("models/phi-tiny", prompt, { rotate: rope(10000, 24) });
  const last = logits[logits.length - 1];
  const best = range(last.length).sort((a, b) => last[b] - last[a]);
  console.log(
    best
      .slice(0, 3)
      .map((id) => `${id}: ${last[id].toFixed(3)}`)
      .join("   "),
  ); // 16 is the token "1"
}
