/** Loading a model: in a worker where that works, on the page's own thread where not, and with kernels in plain TypeScript where WASM is refused. */
import { type LoadOptions, type LoadProgress, loadPhi, type Phi, PhiError, type Source } from "phi-ts";
import { sourceAt } from "./interim.ts";

export interface Wanted {
  /** What it is called on the page. */
  name: string;
  source: URL | Source;
  weights: NonNullable<LoadOptions["weights"]>;
  signal: AbortSignal;
  onProgress: (progress: LoadProgress) => void;
}

/** A loaded model, and how it came to run. */
export interface Engine {
  phi: Phi;
  name: string;
  offThread: boolean;
  /** What did not go as it should, in a sentence each. */
  notices: string[];
  loadMs: number;
}

/**
 * Loads a model in the best way that this browser allows: in a worker or else here, compiled kernels or else plain ones.
 * @throws PhiError for a checkpoint that does not load, or the signal's reason
 */
export async function loadEngine(wanted: Wanted): Promise<Engine> {
  const { name, source, weights, signal, onProgress } = wanted;
  const start = performance.now();
  const notices: string[] = [];
  let kernels: LoadOptions["kernels"] = "auto";
  for (;;) {
    try {
      const phi = await loadPhi(source instanceof URL ? await sourceAt(source, signal, onProgress) : source, {
        weights,
        kernels,
        signal,
        onProgress,
      });
      return { phi, name, offThread: false, notices, loadMs: performance.now() - start };
    } catch (error) {
      if (!(error instanceof PhiError) || signal.aborted) throw error;
      if (error.code === "wasm" && kernels === "auto") {
        kernels = "reference";
        notices.push("This browser refuses WebAssembly here: the kernels run in plain TypeScript, which is slow.");
      } else throw error;
    }
  }
}
