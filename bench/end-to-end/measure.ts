import type { Phi, Sequence } from "../../src/index.ts";
import type { DotForm } from "../../src/kernels/simd.ts";
import type { ProbeTeam } from "../probe/team.ts";
import { Clock, type Lap } from "./clock.ts";
import { kernelTime } from "./kernel-time.ts";

/** Tokens that decoding makes, and tokens that lie before them in the second of its tests. */
export const DECODED = 64;
export const DEEP = 2048;
export const PROMPTS = [128, 512] as const;

/** The greatest length of a sequence, and tokens that the sequences have together. */
export const CONTEXT = { contextSize: DEEP + DECODED, kvTokens: DEEP + DECODED + 512 + 32 };

/** Everything that was measured of one model, before it becomes rates. */
export interface Samples {
  /** By the prompt's length: the whole prompt, with logits of its last token. */
  prompts: Record<number, Lap[]>;
  /** By the tokens before: single steps of decoding. */
  steps: Record<number, Lap[]>;
  /** GB/s, between the steps. */
  streams: { one: number[]; four: number[] };
  /** GMAC/s of each form of the dot product, between the chunks of prompts. */
  dots: Partial<Record<DotForm, number[]>>;
  /** Of further steps: milliseconds, those of them that were spent in kernels, and calls of these. */
  inside: { ms: number; kernelMs: number; calls: number }[];
}

/** Ids that are any and always the same. */
const idsOf = (n: number, V: number): number[] =>
  Array.from({ length: n }, (_, i) => (Math.imul(i + 1, 40503) >>> 1) % V);

/** FNV-1a over the bits of logits. */
export function hashOf(logits: Float32Array): string {
  let h = 0x811c9dc5;
  for (const bits of new Uint32Array(logits.buffer, logits.byteOffset, logits.length))
    h = Math.imul(h ^ bits, 0x01000193);
  return (h >>> 0).toString(16).padStart(8, "0");
}

/**
 * Runs a model, in turn with the probes: a chunk of a prompt, some dot products; a token, a stream of 64 MiB. What else the machine does thus
 * meets both.
 * @param forms of the dot product that are right here
 * @param options deep: whether to decode behind {@link DEEP} tokens too. hashes: those of the runs before, to which this one's are added
 * @throws Error where logits differ, before anything is timed
 */
export async function measure(
  phi: Phi,
  team: ProbeTeam,
  forms: readonly DotForm[],
  { rounds, deep, hashes }: { rounds: number; deep: boolean; hashes: Record<string, string> },
): Promise<Samples> {
  const samples: Samples = {
    prompts: {},
    steps: {},
    streams: { one: [], four: [] },
    dots: Object.fromEntries(forms.map((form) => [form, []])),
    inside: [],
  };
  const ids = idsOf(DEEP, phi.config.vocabSize);
  const clock = new Clock();
  const probeDots = () => {
    for (const form of forms) samples.dots[form]?.push(team.dots(form));
  };
  const probeStream = () => {
    samples.streams.one.push(team.stream(1));
    samples.streams.four.push(team.stream(4));
  };
  /** What is computed again must have the bits of the first time. */
  const same = (name: string, logits: Float32Array) => {
    const hash = hashOf(logits);
    hashes[name] ??= hash;
    if (hashes[name] !== hash) throw new Error(`${name}: the logits have the hash ${hash}, and before ${hashes[name]}`);
  };

  const seq = await phi.sequence();
  const prompt = async (T: number, round: number) => {
    // Another first token each time: what is known of a prompt is not computed again.
    const prompted = [round + 1, ...ids.slice(1, T)];
    await seq.truncate(0);
    clock.start();
    const logits = await seq.forward(prompted, { onProgress: () => round > 0 && clock.pause(probeDots) });
    const lap = clock.stop();
    if (round > 0) samples.prompts[T].push(lap);
    else same(`pp${T}`, logits);
  };
  const sequences = new Map([[0, seq]]);
  const decode = async (n: number, timed: boolean) => {
    for (const [S, of] of sequences) await of.truncate(S);
    for (let i = 0; i < n; i++) {
      for (const [S, of] of sequences) {
        clock.start();
        const logits = await of.forward([ids[i]]);
        const lap = clock.stop();
        if (i % 16 === 15) same(`tg${i + 1} at ${S}`, logits);
        if (!timed) continue;
        samples.steps[S].push(lap);
        probeStream();
      }
    }
  };

  // The probes are warm before any of them counts: V8 compiles what is hot beside them.
  for (let i = 0; i < 20; i++) {
    for (const form of forms) team.dots(form);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  // Hashes first: what computes wrongly is not timed. This also warms up.
  for (const T of PROMPTS) await prompt(T, 0);
  if (deep) {
    const long = await phi.sequence();
    same(`pp${DEEP}`, await long.forward(ids));
    sequences.set(DEEP, long);
  }
  await decode(16, false);

  for (const T of PROMPTS) samples.prompts[T] = [];
  for (let round = 1; round <= rounds; round++) for (const T of PROMPTS) await prompt(T, round);
  for (const [S] of sequences) samples.steps[S] = [];
  await decode(DECODED, true);
  samples.inside = await timeInside(seq, ids.slice(0, 32));
  for (const [, of] of sequences) await of.dispose();
  return samples;
}

/** Some more steps, during which the time in kernels is taken. */
async function timeInside(seq: Sequence, ids: readonly number[]): Promise<Samples["inside"]> {
  await seq.truncate(0);
  const inside: Samples["inside"] = [];
  kernelTime.on = true;
  for (const id of ids) {
    Object.assign(kernelTime, { ms: 0, calls: 0 });
    const start = performance.now();
    await seq.forward([id]);
    inside.push({ ms: performance.now() - start, kernelMs: kernelTime.ms, calls: kernelTime.calls });
  }
  kernelTime.on = false;
  return inside;
}
