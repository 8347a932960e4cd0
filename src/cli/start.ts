#!/usr/bin/env node
import { resolve } from "node:path";
import type { Phi } from "../index.ts";
import { answer, rateOf } from "./answer.ts";
import { type Command, textOf, wrap } from "./args.ts";
import { isRemote } from "./hub.ts";
import { lines } from "./lines.ts";
import { type Loaded, withModel } from "./model.ts";
import { COMMON_OPTIONS, LOAD_OPTIONS, loadOptionsOf } from "./options.ts";
import { INTERRUPTED, OK, runCommand } from "./program.ts";
import { bytes, count, dim, note, write } from "./ui.ts";

/** What `npm start` runs: a first look at the embedded model, or at any other with --model. */

const EMBEDDED = "models/phi-tiny";
const FIRST_QUESTION = "Tom buys 4 notebooks for $3 each and pays with $20. How much change does he get?";

const ABOUT_PHI_TINY =
  "This is phi-tiny, a demonstration with 5 million parameters that comes with phi-ts. It is built like Phi-4-mini, which is some 700 times as large, " +
  "and knows the templates it was trained on and little else: word problems, small sums, some facts, short stories. " +
  "It is often wrong beyond them, and says nothing about how good Phi is.";

const start: Command = {
  name: "start",
  summary: "a first look",
  usage: '-- ["question"]',
  details:
    "Answers a question, and on a terminal reads further ones. A text that does not end like a sentence is continued.",
  options: [...LOAD_OPTIONS, ...COMMON_OPTIONS],
  async run(given) {
    // npm runs this in the package's folder; a relative path is meant from where the user stands.
    const own = given.text("model");
    const model = own === undefined ? EMBEDDED : isRemote(own) ? own : resolve(process.env.INIT_CWD ?? ".", own);
    const load = loadOptionsOf(given);
    const question = await textOf(given, "question");
    note("");
    for (const line of wrap(own === undefined ? ABOUT_PHI_TINY : `This is the model in ${own}.`, 78)) note(line);
    return withModel(model, load, async (phi, loaded) => {
      describe(phi, loaded);
      if (!(await respond(phi, question ?? FIRST_QUESTION))) return question === undefined ? OK : INTERRUPTED;
      hintAtPhi(own === undefined);
      if (question === undefined && process.stdin.isTTY && process.stdout.isTTY) await more(phi);
      return OK;
    });
  },
};

const BITS = {
  ...{ q4: "4.5 bits a weight", q4z: "4.75 bits a weight", q8: "8.5 bits a weight", f32: "32 bits a weight" },
  ...{ q4k: "4.75 bits a weight", q5k: "6.75 bits a weight", q6k: "6.6 bits a weight", q2k: "4.75 bits a weight" },
  ...{ q4x: "4.6 bits a weight", q4m: "5 bits a weight", q5m: "7 bits a weight" },
};

function describe(phi: Phi, loaded: Loaded): void {
  const { weights, kv } = phi.memory;
  const from = `from ${bytes(loaded.bytes)} of files in ${loaded.seconds.toFixed(1)} s`;
  note("");
  note(dim(`weights ${phi.weights} (${BITS[phi.weights]}), ${bytes(weights)}, ${from}`));
  note(dim(`room for ${count(phi.contextSize)} tokens, ${bytes(kv)}`));
  note("");
}

/** One question or one beginning, each by itself. False: Ctrl-C. */
async function respond(phi: Phi, text: string, ask = true): Promise<boolean> {
  if (ask) for (const line of wrap(`> ${text}`, 78)) note(line);
  const options = { onContextFull: "stop" as const };
  const goesOn = isBeginning(text);
  const done = await answer(
    (controls) =>
      goesOn ? phi.generate(text, { ...options, ...controls }) : phi.chat(text, { ...options, ...controls }),
    goesOn ? text : "",
  );
  await write("\n");
  note(dim(`[${rateOf(done)}]`));
  note("");
  return done.result !== undefined;
}

/** Questions from the terminal, until Ctrl-D. */
async function more(phi: Phi): Promise<void> {
  note(
    dim(
      wrap(
        "Ask on, each question by itself. Try: What is 123 + 456?  Why is the sky blue?  Who are you?  Or a beginning: Once upon a time there was a",
        78,
      ).join("\n"),
    ),
  );
  note(dim("Ctrl-C stops an answer, Ctrl-D leaves."));
  note("");
  const input = lines();
  for (;;) {
    const line = await input.next("> ");
    if (line === undefined) break;
    if (line.trim() !== "" && !(await respond(phi, line.trim(), false))) input.forget();
  }
  note("");
}

function hintAtPhi(embedded: boolean): void {
  if (!embedded) return;
  note("A real Phi: a folder with config.json, tokenizer.json and safetensors of");
  note("Phi-1 to Phi-4, a GGUF file of one, or hf:owner/name:");
  note("  npm start -- --model DIR");
  note("  npx phi chat --model DIR");
  note("");
}

/**
 * Whether a text is a beginning to be continued, not a question or request: it does not end like a sentence, and does not start
 * like a question or a greeting either, since people leave the question mark out.
 */
function isBeginning(text: string): boolean {
  if (/[.?!…:;)"'”’]$/.test(text.trim())) return false;
  const words = text.trim().split(/\s+/);
  return words.length > 2 && !ASKING.test(words[0].replace(/\W+$/, ""));
}

const ASKING =
  /^(what|who|whose|whom|why|when|where|which|how|is|are|was|were|do|does|did|can|could|will|would|should|hello|hi|hey|thanks|please|calculate|compute|add|subtract|multiply|divide|tell|say|write|name|list|give|explain|describe|sort|reverse|summarize|translate|count|find|my|i|i'm|you)$/i;

await runCommand("npm start", start, process.argv.slice(2));
