/** An added token of a tokenizer.json. */
export interface Added {
  id: number;
  content: string;
  special: boolean;
  lstrip: boolean;
  rstrip: boolean;
  single_word: boolean;
  normalized: boolean;
}

/** What a file says of the vocabulary, as far as it tells which model it is of. */
export interface Vocabulary {
  /** Texts of control tokens and of the user's, by id. */
  added: ReadonlyMap<number, string>;
  /** Ids of those that are marked as control tokens. */
  control: ReadonlySet<number>;
  contextLength: number;
}

const NEVER = ["<unk>", "<s>", "<|endoftext|>", "<|endofprompt|>", "<|endoftext10|>", "<|endoftext11|>"];
const TOOLS = ["<|tool|>", "<|/tool|>", "<|tool_call|>", "<|/tool_call|>", "<|tool_response|>"];

/**
 * Added tokens as the model's own tokenizer.json has them. A GGUF file keeps their texts and whether they are control tokens, but not that white
 * space beside them belongs to them (`lstrip`, `rstrip`), without which the ids of a conversation are others. Each family is known by the id of one
 * of its markers:
 *
 * - Phi-4: white space on both sides belongs to every one.
 * - Phi-4-mini: that on the right, but for the ends of text; its tool markers are no "special" tokens.
 * - Phi-3: that on the right, but for `<unk>`, `<s>` and `<|endoftext|>`; `</s>` is not "special". Not so in the first Phi-3-mini-128k, told by its
 *   context and by `</s>`, which is a control token there.
 * - all others: none.
 */
export function addedTokens({ added, control, contextLength }: Vocabulary): Added[] {
  const phi4 = added.get(100266) === "<|im_sep|>";
  const mini = added.get(200020) === "<|end|>";
  const phi3 = added.get(32007) === "<|end|>" && added.get(2) === "</s>";
  const strips = mini || (phi3 && !(contextLength > 4096 && control.has(2)));
  return [...added].map(([id, content]) => {
    const plain = (mini && TOOLS.includes(content)) || (phi3 && strips && content === "</s>");
    const marker = /^<\|.*\|>$/.test(content);
    return {
      id,
      content,
      special: !plain && (control.has(id) || marker),
      lstrip: phi4,
      rstrip: phi4 || (strips && !NEVER.includes(content)),
      single_word: false,
      normalized: false,
    };
  });
}
