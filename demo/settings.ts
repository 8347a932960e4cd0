/** What the reader has set. */
import type { GenerateOptions, LoadOptions } from "phi-ts";
import { byId } from "./dom.ts";

const temperature = byId("temperature", HTMLInputElement);
const maxTokens = byId("max-tokens", HTMLInputElement);
const seed = byId("seed", HTMLInputElement);
const weights = byId("weights", HTMLSelectElement);

/** @throws OptionError from phi-ts later on, for what is out of range; an empty field is as if it had not been set */
export function answerOptions(): GenerateOptions {
  const options: GenerateOptions = {};
  if (temperature.value !== "") options.temperature = temperature.valueAsNumber;
  if (maxTokens.value !== "") options.maxTokens = maxTokens.valueAsNumber;
  if (seed.value !== "") options.seed = seed.valueAsNumber;
  return options;
}

export const weightsWanted = (): NonNullable<LoadOptions["weights"]> =>
  weights.value as NonNullable<LoadOptions["weights"]>;

/** The format of weights was changed: the model must be loaded again. */
export function onWeights(act: () => void): void {
  weights.addEventListener("change", act);
}

byId("settings", HTMLFormElement).addEventListener("submit", (event) => event.preventDefault());
