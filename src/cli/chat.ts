import { PhiError } from "../errors.ts";
import type { ChatMessage, Phi } from "../index.ts";
import { type Answer, answer, noteRate } from "./answer.ts";
import { type Command, textOf } from "./args.ts";
import { lines } from "./lines.ts";
import { withModel } from "./model.ts";
import { COMMON_OPTIONS, LOAD_OPTIONS, loadOptionsOf, modelOf, SAMPLING_OPTIONS, samplingOf } from "./options.ts";
import { INTERRUPTED, OK } from "./program.ts";
import { bytes, dim, note, write } from "./ui.ts";

/** `phi chat`: a conversation on a terminal, or one answer. */
export const chat: Command = {
  name: "chat",
  summary: "talk with a model",
  usage: '--model DIR ["message" | -]',
  details:
    "With a message ('-' reads it from standard input) it answers and ends. Without one, every line is a turn of one conversation: Ctrl-C stops an answer, Ctrl-D leaves, /new starts over.",
  options: [
    ...LOAD_OPTIONS,
    { name: "system", short: "s", value: "TEXT", help: "system message" },
    ...SAMPLING_OPTIONS,
    ...COMMON_OPTIONS,
  ],
  async run(given) {
    const model = modelOf(given);
    const load = loadOptionsOf(given);
    const sampling = samplingOf(given);
    const system = given.text("system");
    const opening: ChatMessage[] = system === undefined ? [] : [{ role: "system", content: system }];
    const message = await textOf(given, "message");
    return withModel(model, load, async (phi) => {
      const say = async (messages: ChatMessage[]) => {
        const done = await answer((controls) => phi.chat(messages, { ...sampling, ...controls }));
        await write("\n");
        noteRate(done);
        for (const { part, effect, reason } of done.result?.dropped ?? []) note(dim(`[${part} ${effect}: ${reason}]`));
        return done;
      };
      if (message === undefined) return converse(phi, model, opening, say);
      const done = await say([...opening, { role: "user", content: message }]);
      return done.result ? OK : INTERRUPTED;
    });
  },
};

/** Turn by turn until the input ends. On a terminal, what goes wrong in a turn ends the turn. */
async function converse(
  phi: Phi,
  model: string,
  opening: ChatMessage[],
  say: (messages: ChatMessage[]) => Promise<Answer>,
): Promise<number> {
  const terminal = process.stdin.isTTY;
  if (terminal) {
    note(dim(`${model}: ${phi.weights} weights, ${bytes(phi.memory.total)} in all.`));
    note(dim("Ctrl-C stops an answer, Ctrl-D leaves, /new starts over."));
  }
  const input = lines();
  let messages = opening;
  for (;;) {
    const line = await input.next("> ");
    if (line === undefined) break;
    if (line.trim() === "") continue;
    if (line.trim() === "/new") {
      messages = opening;
      continue;
    }
    const turn: ChatMessage[] = [...messages, { role: "user", content: line }];
    try {
      const done = await say(turn);
      if (!done.result && !terminal) return INTERRUPTED;
      if (!done.result) input.forget();
      messages = [...turn, { role: "assistant", content: done.text }];
    } catch (error) {
      if (!(error instanceof PhiError) || !terminal) throw error;
      note(`phi chat: ${error.message}${error.code === "context_full" ? " (/new starts over)" : ""}`);
    }
  }
  if (terminal) note("");
  return OK;
}
