import { fileURLToPath } from "node:url";
import { loadPhi, type Phi } from "../src/index.ts";

// How late the caller's event loop is while phi-tiny answers, in its own thread and in a worker, beside the idle loop; and tokens/s of both.
// The three take turns in one run, so that what else the machine does meets all of them.
const model = fileURLToPath(new URL("../models/phi-tiny", import.meta.url));
const ROUNDS = 6;
const TICK_MS = 5;
const IDLE_MS = 1500;
const CALL = { maxTokens: 900, ignoreEos: true, temperature: 0.8, seed: 1 } as const;
const PROMPT = "Once upon a time there was a";

/** Lateness in milliseconds of a timer of {@link TICK_MS}, for as long as `work` takes. */
async function lateness(work: Promise<unknown>): Promise<number[]> {
  const late: number[] = [];
  let over = false;
  const done = work.finally(() => {
    over = true;
  });
  while (!over) {
    const due = performance.now() + TICK_MS;
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    late.push(performance.now() - due);
  }
  await done;
  return late;
}

/** Lateness, tokens, and milliseconds from the call to the whole answer: with the timer that measures, and without. */
const fresh = () => ({ late: [] as number[], tokens: 0, ms: 0, quietMs: 0 });
const runs = { idle: fresh(), "in-thread": fresh(), "off-thread": fresh() };

async function answer(phi: Phi, run: (typeof runs)["idle"]): Promise<readonly number[]> {
  const start = performance.now();
  const generation = phi.generate(PROMPT, CALL);
  run.late.push(...(await lateness(generation.result())));
  const { ids } = await generation.result();
  run.tokens += ids.length;
  run.ms += performance.now() - start;
  const quiet = performance.now();
  await phi.generate(PROMPT, CALL).result();
  run.quietMs += performance.now() - quiet;
  return ids;
}

const here = await loadPhi(model);
const there = await loadPhi(model, { worker: true });
for (let round = -1; round < ROUNDS; round++) {
  const [one, two] = [await answer(here, runs["in-thread"]), await answer(there, runs["off-thread"])];
  if (String(one) !== String(two)) throw new Error("the two modes give different tokens");
  runs.idle.late.push(...(await lateness(new Promise((resolve) => setTimeout(resolve, IDLE_MS)))));
  // The first round warms up.
  if (round < 0) for (const run of Object.values(runs)) Object.assign(run, fresh());
}
await here.dispose();
await there.dispose();

const at = (sorted: number[], part: number) =>
  +sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))].toFixed(2);
console.log(
  `\nlateness of the caller's event loop in ms (a timer of ${TICK_MS} ms), while phi-tiny makes ${CALL.maxTokens} tokens`,
);
console.table(
  Object.entries(runs).map(([where, { late, tokens, ms, quietMs }]) => {
    late.sort((a, b) => a - b);
    const perSecond = (time: number) => Math.round(tokens / (time / 1000));
    const rate = tokens ? { "tokens/s": perSecond(ms), "tokens/s without timer": perSecond(quietMs) } : {};
    return { where, samples: late.length, p50: at(late, 0.5), p99: at(late, 0.99), max: at(late, 1), ...rate };
  }),
);
