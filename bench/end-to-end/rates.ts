import type { DotForm } from "../../src/kernels/simd.ts";
import { quantile } from "./clock.ts";
import type { Cost } from "./cost.ts";
import type { Samples } from "./measure.ts";

/** Figures of a prompt of T tokens: medians of the rounds. */
export interface PromptRates {
  tokensPerS: number;
  /** Multiply-adds of the matrices, over the time. Attention's are not counted, and take time. */
  gmacPerS: number;
  /** Of the best form of the dot product that this build has and that is right here, in the same rounds. */
  ofDots: number;
  cpuMsPerToken: number;
}

/** Figures of a step of decoding behind S tokens: medians of the steps. */
export interface StepRates {
  tokensPerS: number;
  /** Of weights. */
  gbPerS: number;
  /** Of the stream that was read between the steps. */
  ofStream: number;
  cpuMsPerToken: number;
  /** Weights, and keys and values. */
  bytesPerToken: number;
}

/** One setting of threads and kernels. */
export interface Run {
  threads: number;
  kernels: string;
  /** By T. */
  prompts: Record<number, PromptRates>;
  /** By S. */
  steps: Record<number, StepRates>;
  /** The stream's GB/s, the better of one stream and four for each thread. */
  stream: number;
  /** GMAC/s by form. */
  dots: Partial<Record<DotForm, number>>;
  /** Part of a decode step that is not spent in kernels: always medians. */
  outsideKernels: number;
  kernelCallsPerStep: number;
}

/** Four digits are more than a measurement is worth. */
const round = (value: number): number => Number(value.toPrecision(4));

const median = (values: readonly number[]): number => quantile(values, 0.5);

/** @param part 0.5: medians; 0.1: the best tenth of everything, ours and the limits' */
export function ratesOf(samples: Samples, cost: Cost, of: Pick<Run, "threads" | "kernels">, part = 0.5): Run {
  const { prompts, steps, streams, dots, inside } = samples;
  const fast = (rates: readonly number[]) => quantile(rates, 1 - part);
  const stream = Math.max(fast(streams.one), fast(streams.four));
  const peaks = Object.entries(dots).map(([form, rates]) => [form, round(fast(rates))] as const);
  const peak = Math.max(...peaks.map(([, rate]) => rate));
  const { weightBytes, layerMacs, headMacs, kvBytes } = cost;
  return {
    ...of,
    prompts: Object.fromEntries(
      Object.entries(prompts).map(([T, laps]) => {
        const ms = quantile(
          laps.map((lap) => lap.ms),
          part,
        );
        const gmacPerS = (+T * layerMacs + headMacs) / ms / 1e6;
        const cpuMsPerToken = round(
          quantile(
            laps.map((lap) => lap.cpuMs),
            part,
          ) / +T,
        );
        const rates = {
          tokensPerS: round((+T / ms) * 1000),
          gmacPerS: round(gmacPerS),
          ofDots: round(gmacPerS / peak),
        };
        return [T, { ...rates, cpuMsPerToken }];
      }),
    ),
    steps: Object.fromEntries(
      Object.entries(steps).map(([S, laps]) => {
        const ms = quantile(
          laps.map((lap) => lap.ms),
          part,
        );
        const gbPerS = weightBytes / ms / 1e6;
        const cpuMsPerToken = round(
          quantile(
            laps.map((lap) => lap.cpuMs),
            part,
          ),
        );
        const bytesPerToken = weightBytes + Math.round(kvBytes(+S + laps.length / 2));
        const rates = { tokensPerS: round(1000 / ms), gbPerS: round(gbPerS), ofStream: round(gbPerS / stream) };
        return [S, { ...rates, cpuMsPerToken, bytesPerToken }];
      }),
    ),
    stream: round(stream),
    dots: Object.fromEntries(peaks),
    outsideKernels: round(median(inside.map(({ ms, kernelMs }) => ms - kernelMs)) / median(inside.map(({ ms }) => ms))),
    kernelCallsPerStep: median(inside.map(({ calls }) => calls)),
  };
}
