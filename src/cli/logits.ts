import { type Command, textOf, UsageError } from "./args.ts";
import { withModel } from "./model.ts";
import { COMMON_OPTIONS, LOAD_OPTIONS, loadOptionsOf, modelOf, wholeOf } from "./options.ts";
import { OK } from "./program.ts";
import { write } from "./ui.ts";

/** `phi logits "text"`: what the model expects next. */
export const logits: Command = {
  name: "logits",
  summary: "show the likeliest next tokens of a text",
  usage: '--model DIR "text" | -',
  details: "Prints the next tokens by their logits, with the probabilities that temperature 1 gives them.",
  options: [
    ...LOAD_OPTIONS,
    { name: "top", value: "N", help: "how many (default: 10)" },
    { name: "special", help: 'recognize control tokens such as "<|end|>" in the text' },
    { name: "json", help: "print [{ id, token, logit, probability }]" },
    ...COMMON_OPTIONS,
  ],
  async run(given) {
    const model = modelOf(given);
    const load = loadOptionsOf(given);
    const top = wholeOf(given, "top") ?? 10;
    if (top === 0) throw new UsageError('--top needs a whole number from 1, got "0"');
    const text = await textOf(given, "text");
    if (text === undefined || text === "") throw new UsageError("a text is needed, or - for standard input");
    return withModel(model, load, async (phi) => {
      const ids = phi.tokenizer.encode(text, { parseSpecialTokens: given.flag("special") });
      const rows = likeliest(await phi.forward(ids), top).map((row) => ({
        ...row,
        token: phi.tokenizer.decode([row.id]),
      }));
      if (given.flag("json")) {
        await write(`${JSON.stringify(rows)}\n`);
        return OK;
      }
      await write("     id      logit  probability  token\n");
      for (const { id, logit, probability, token } of rows) {
        const share = `${(100 * probability).toFixed(3)} %`.padStart(11);
        await write(`${String(id).padStart(7)} ${logit.toFixed(5).padStart(10)}  ${share}  ${JSON.stringify(token)}\n`);
      }
      return OK;
    });
  },
};

/** The `n` greatest of logits [V], the lower id first among equals, with their softmax. */
function likeliest(logits: Float32Array, n: number): { id: number; logit: number; probability: number }[] {
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
  const greatest = logits[order[0]];
  let sum = 0;
  for (const x of logits) sum += Math.exp(x - greatest);
  return order.slice(0, n).map((id) => ({ id, logit: logits[id], probability: Math.exp(logits[id] - greatest) / sum }));
}
