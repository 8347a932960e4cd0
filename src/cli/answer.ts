import type { GenerateResult, Generation } from "../index.ts";
import { dim, interruptible, note, ProgressLine, write } from "./ui.ts";
import { WordWrap } from "./word-wrap.ts";

/** What a generation is started with, so that Ctrl-C ends it and a long prompt shows how far it is. */
export interface Controls {
  signal: AbortSignal;
  onPrefill: (progress: { processed: number; total: number }) => void;
}

export interface Answer<Result extends GenerateResult = GenerateResult> {
  /** What was written, also of an answer that was interrupted. */
  text: string;
  /** Undefined: Ctrl-C ended it. */
  result?: Result;
}

/** Prompts shorter than this are read before a progress line would be seen. */
const LONG_PROMPT = 128;

/** Streams one generation to standard output; Ctrl-C ends it and not the program. `before` is the text that it continues on the same line. */
export async function answer<Result extends GenerateResult>(
  start: (controls: Controls) => Generation<Result>,
  before = "",
): Promise<Answer<Result>> {
  const line = new ProgressLine();
  const wrap = process.stdout.isTTY ? new WordWrap((process.stdout.columns ?? 80) - 1) : undefined;
  let text = "";
  await write(wrap ? wrap.push(before) : before);
  const outcome = await interruptible(async (signal) => {
    const onPrefill: Controls["onPrefill"] = ({ processed, total }) => {
      if (total >= LONG_PROMPT) line.show(`reading the prompt: ${processed} of ${total} tokens`);
    };
    const generation = start({ signal, onPrefill });
    for await (const piece of generation) {
      if (text === "") line.clear();
      text += piece.text;
      await write(wrap ? wrap.push(piece.text) : piece.text);
    }
    return generation.result();
  }).finally(() => line.clear());
  await write(wrap?.end() ?? "");
  return outcome === "interrupted" ? { text } : { text, result: outcome };
}

/** "34 tokens, 512 tokens/s", and why the answer ended where that is not by itself. */
export function rateOf({ result }: Answer): string {
  if (!result) return "stopped";
  const { completionTokens } = result.usage;
  const { decodeMs } = result.timings;
  // The first token comes out of the prompt's forward pass: decoding made one less.
  const rate =
    completionTokens > 1 && decodeMs > 0 ? `, ${Math.round((completionTokens - 1) / (decodeMs / 1000))} tokens/s` : "";
  const ended = result.finishReason === "length" ? "; no room for more (--max-tokens, --context)" : "";
  return `${completionTokens} ${completionTokens === 1 ? "token" : "tokens"}${rate}${ended}`;
}

/** The rate, in grey, for those who look on. */
export function noteRate(done: Answer): void {
  if (process.stderr.isTTY) note(dim(`[${rateOf(done)}]`));
}
