// wllama takes prompts as text: a letter is a token of our vocabulary (gguf.ts). Times are those that it tells itself, as its server does.
import { Wllama } from "@wllama/wllama";
import { FIRST_LETTER, LETTERS } from "../vocabulary.ts";
import { offer } from "./page.ts";

offer(async ({ url, threads }) => {
  const wllama = new Wllama(
    { default: "/node_modules/@wllama/wllama/esm/wasm/wllama.wasm" },
    { suppressNativeLog: true },
  );
  const file = await (await fetch(url)).blob();
  await wllama.loadModel([file], {
    n_ctx: 1024,
    n_batch: 512,
    n_threads: threads,
    n_gpu_layers: 0,
    n_parallel: 1,
    warmup: false,
  });
  let first = 0;
  /** A text of T tokens whose first letters are new. */
  const text = (T: number) => {
    const n = first++;
    const head = [n % 26, Math.floor(n / 26) % 26, 7].map((i) => LETTERS[i]);
    return Array.from({ length: T }, (_, i) => head[i] ?? LETTERS[(i * 7) % 26]).join("");
  };
  const run = async (T: number, n: number) => {
    const { timings } = await wllama.createCompletion({
      prompt: text(T),
      max_tokens: n,
      temperature: 0,
      // Random weights choose bytes that are no text, which it refuses to send.
      logit_bias: { [FIRST_LETTER]: 1000 },
      cache_prompt: false,
    } as Parameters<typeof wllama.createCompletion>[0] & { stream: false });
    if (!timings) throw new Error("wllama: no timings");
    return timings;
  };
  return {
    name: `wllama, ${wllama.getNumThreads()} threads`,
    async prompt(T) {
      const { prompt_n, prompt_ms } = await run(T, 1);
      if (prompt_n !== T) throw new Error(`wllama: the prompt was ${prompt_n} tokens instead of ${T}`);
      return prompt_ms;
    },
    async decode(n) {
      const { predicted_n, predicted_ms } = await run(2, n + 1);
      return [predicted_ms / predicted_n];
    },
  };
});
