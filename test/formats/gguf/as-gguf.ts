import { bool, craft, f32s, i32s, text, texts, u32, type Value } from "./craft.ts";

/** What this needs of a tokenizer.json. */
export interface HubTokenizer {
  added_tokens: { id: number; content: string; special: boolean }[];
  model: { vocab: Record<string, number>; merges: (string | [string, string])[] };
}

export interface Converted {
  /** "gpt2" or "llama". */
  kind: "gpt2" | "llama";
  pre: string;
  contextLength: number;
  vocabSize: number;
  config: {
    add_bos_token?: boolean;
    bos_token?: string;
    eos_token?: string;
    pad_token?: string;
    chat_template?: string;
  };
}

/**
 * The vocabulary of a tokenizer.json as llama.cpp's converter writes it into a GGUF file: tokens that `tokenizer.json` adds are control tokens if
 * they are special or look so, else the user's; ids without a token are "[PADn]". A "llama" file has scores in place of merges.
 * Source: get_vocab_base in conversion/base.py, Phi3MiniModel.set_vocab in conversion/phi.py of llama.cpp.
 */
export function asGguf(
  hub: HubTokenizer,
  { kind, pre, contextLength, vocabSize, config }: Converted,
): Uint8Array<ArrayBuffer> {
  const tokens = Array.from({ length: vocabSize }, (_, i) => `[PAD${i}]`);
  const types = new Int32Array(vocabSize).fill(5);
  for (const [token, id] of Object.entries(hub.model.vocab)) {
    tokens[id] = token;
    types[id] = kind === "llama" && /^<0x[0-9A-F]{2}>$/.test(token) ? 6 : 1;
  }
  for (const { id, content, special } of hub.added_tokens) {
    tokens[id] = content;
    const looksSpecial = kind === "gpt2" && /^<\|.*\|>$/.test(content);
    types[id] = special || looksSpecial ? 3 : 4;
  }
  const id = (token?: string): [string, Value][] => (token === undefined ? [] : [["", u32(tokens.indexOf(token))]]);
  const named = (key: string, token?: string) =>
    id(token).map(([, v]) => [`tokenizer.ggml.${key}_token_id`, v] as const);
  const metadata: (readonly [string, Value])[] = [
    ["general.architecture", text("phi3")],
    ["phi3.context_length", u32(contextLength)],
    ["tokenizer.ggml.model", text(kind)],
    ["tokenizer.ggml.pre", text(pre)],
    ["tokenizer.ggml.tokens", texts(tokens)],
    ["tokenizer.ggml.token_type", i32s(types)],
    ...named("bos", config.bos_token),
    ...named("eos", config.eos_token),
    ...named("padding", config.pad_token),
    ["tokenizer.ggml.add_bos_token", bool(config.add_bos_token ?? false)],
  ];
  const pair = (m: string | [string, string]) => (typeof m === "string" ? m : m.join(" "));
  if (kind === "gpt2") metadata.push(["tokenizer.ggml.merges", texts(hub.model.merges.map(pair))]);
  else metadata.push(["tokenizer.ggml.scores", f32s(scoresOf(hub, tokens, types))]);
  if (config.chat_template !== undefined) metadata.push(["tokenizer.chat_template", text(config.chat_template)]);
  return craft({ metadata });
}

/** As in Llama's SentencePiece model: -1, -2 … in the order of the merges, runs of spaces far below, added tokens -1000. */
function scoresOf(hub: HubTokenizer, tokens: readonly string[], types: Int32Array): Float32Array {
  const scores = Float32Array.from(tokens, (token, i) => (types[i] === 1 && /^▁▁+$/.test(token) ? -1e9 : 0));
  hub.added_tokens.forEach(({ id }) => {
    scores[id] = -1000;
  });
  let next = -1;
  for (const merge of hub.model.merges) {
    const id = hub.model.vocab[typeof merge === "string" ? merge.split(" ").join("") : merge.join("")];
    if (scores[id] === 0) scores[id] = next--;
  }
  return scores;
}
