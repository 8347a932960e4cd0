import { openCheckpoint } from "../load-phi.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/index.ts";
import { type Command, readStdin, textOf, UsageError } from "./args.ts";
import { hubOptionsOf } from "./hub.ts";
import { COMMON_OPTIONS, MODEL, modelOf, whole } from "./options.ts";
import { OK } from "./program.ts";
import { write } from "./ui.ts";

/** `phi tokenize "text"`: ids and what each stands for; `phi tokenize --decode 1 2 3`: the way back. */
export const tokenize: Command = {
  name: "tokenize",
  summary: "show the token ids of a text, or the text of ids",
  usage: '--model DIR ["text" | - | --decode ID…]',
  details:
    "Prints each id with its token; '-' or no text reads standard input. Control tokens are text unless --special is given.",
  options: [
    MODEL,
    { name: "special", help: 'recognize control tokens such as "<|end|>" in the text' },
    { name: "plain", help: "add nothing around the text (no BOS)" },
    { name: "decode", help: "the arguments are ids: print their text" },
    { name: "ids", help: "print the ids only, on one line" },
    { name: "json", help: "print [{ id, token, text }]" },
    ...COMMON_OPTIONS,
  ],
  async run(given) {
    const path = modelOf(given);
    // A tokenizer.json (or rank file) by its own path, or whatever loadPhi takes.
    const fetching = hubOptionsOf(path);
    const tokenizer = /\.(json(\.gz)?|tiktoken)$/.test(path)
      ? await loadTokenizer(path, fetching)
      : await loadTokenizer(await openCheckpoint("phi tokenize", path, fetching));
    if (given.flag("decode")) {
      const words = given.positionals.flatMap((text) => text.split(/[\s,]+/)).filter((text) => text !== "");
      if (words.length === 0) throw new UsageError("--decode needs token ids");
      const text = tokenizer.decode(words.map((id) => whole("decode", id)));
      await write(given.flag("json") ? `${JSON.stringify(text)}\n` : `${text}\n`);
      return OK;
    }
    const text = (await textOf(given, "text")) ?? (await readStdin());
    const ids = tokenizer.encode(text, {
      parseSpecialTokens: given.flag("special"),
      addSpecialTokens: given.flag("plain") ? false : undefined,
    });
    if (given.flag("ids")) {
      await write(`${ids.join(" ")}\n`);
    } else if (given.flag("json")) {
      const rows = ids.map((id) => ({ id, token: tokenizer.tokenOf(id), text: tokenizer.decode([id]) }));
      await write(`${JSON.stringify(rows)}\n`);
    } else {
      const width = String(tokenizer.vocabSize).length;
      for (const id of ids) await write(`${String(id).padStart(width)}  ${shown(tokenizer, id)}\n`);
    }
    return OK;
  },
};

/** The text of one token; part of a character is shown as the vocabulary writes its bytes. */
function shown(tokenizer: Tokenizer, id: number): string {
  const text = tokenizer.decode([id]);
  return text.includes("\uFFFD") ? `${tokenizer.tokenOf(id)} (part of a character)` : JSON.stringify(text);
}
