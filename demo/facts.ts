/** The list of facts about the model that runs, and about its last answer. */
import type { GenerateResult } from "phi-ts";
import { byId, make } from "./dom.ts";
import type { Engine } from "./engine.ts";
import { bytes, count, parameters, plural, rate, seconds } from "./words.ts";

const list = byId("facts", HTMLElement);

/** @param last the last answer, if there was one that ended by itself */
export function showFacts(engine: Engine, last?: GenerateResult): void {
  const { phi } = engine;
  const { memory } = phi;
  list.replaceChildren();
  row("Architecture", phi.config.modelType);
  row("Parameters", parameters(phi.parameters.total));
  row("Weights", phi.weights);
  row("Context", plural(phi.contextSize, "token"));
  row("Memory, weights", bytes(memory.weights), "first");
  row("Memory, KV cache", bytes(memory.kv));
  row("Memory, in all", bytes(memory.total));
  row("Time to load", seconds(engine.loadMs));
  row("Kernels", `${phi.kernels === "reference" ? "TypeScript" : "WASM"} (${phi.kernels})`);
  row("Off the main thread", engine.offThread ? "yes" : "no");
  const { usage, timings } = last ?? {};
  const read = usage ? usage.promptTokens - usage.cachedTokens : 0;
  row("Reading the prompt", usage && timings ? rate(read, timings.prefillMs) : "–", "first");
  row("Writing the answer", usage && timings ? rate(usage.completionTokens, timings.decodeMs) : "–");
  row("Prompt from cache", usage ? `${count(usage.cachedTokens)} of ${plural(usage.promptTokens, "token")}` : "–");
  list.hidden = false;
}

/** @param className "first": begins a group */
function row(term: string, value: string, className = ""): void {
  list.append(make("dt", className, term), make("dd", className, value));
}
