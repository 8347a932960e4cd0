import { answer, noteRate } from "./answer.ts";
import { type Command, textOf, UsageError } from "./args.ts";
import { withModel } from "./model.ts";
import { COMMON_OPTIONS, LOAD_OPTIONS, loadOptionsOf, modelOf, SAMPLING_OPTIONS, samplingOf } from "./options.ts";
import { INTERRUPTED, OK } from "./program.ts";
import { write } from "./ui.ts";

/** `phi generate "text"`: the text goes on. */
export const generate: Command = {
  name: "generate",
  summary: "continue a text",
  usage: '--model DIR "text" | -',
  details: "Streams the continuation of the text ('-' reads it from standard input) to standard output.",
  options: [
    ...LOAD_OPTIONS,
    ...SAMPLING_OPTIONS,
    { name: "ignore-eos", help: "go on after the model's own stop tokens" },
    { name: "special", help: 'recognize control tokens such as "<|end|>" in the text' },
    { name: "json", help: "print text, ids, usage and timings as JSON instead" },
    ...COMMON_OPTIONS,
  ],
  async run(given) {
    const model = modelOf(given);
    const load = loadOptionsOf(given);
    const options = {
      ...samplingOf(given),
      ignoreEos: given.flag("ignore-eos"),
      parseSpecialTokens: given.flag("special"),
      onContextFull: "stop" as const,
    };
    const prompt = await textOf(given, "text");
    if (prompt === undefined) throw new UsageError("a text to continue is needed, or - for standard input");
    return withModel(model, load, async (phi) => {
      if (given.flag("json")) {
        await write(`${JSON.stringify(await phi.generate(prompt, options).result())}\n`);
        return OK;
      }
      const done = await answer((controls) => phi.generate(prompt, { ...options, ...controls }));
      await write("\n");
      noteRate(done);
      return done.result ? OK : INTERRUPTED;
    });
  },
};
