/** Loading a model: in a worker, or on the page's own thread where a browser or a policy refuses workers. */
import { type LoadProgress, loadPhi, type Phi, type PhiOptions, type Source, WorkerError } from "phi-ts";

export interface Wanted {
  /** What it is called on the page. */
  name: string;
  source: Source;
  weights: PhiOptions["weights"];
  signal: AbortSignal;
  onProgress: (progress: LoadProgress) => void;
}

/** A loaded model, and how it came to run. */
export interface Engine {
  phi: Phi;
  name: string;
  offThread: boolean;
  /** What is not as it should be, in a sentence each. */
  notices: string[];
  loadMs: number;
}

/** A file of its own, not `worker: true`: the page's policy allows no workers made out of text. */
const startWorker = () => new Worker(new URL("worker.js", document.baseURI), { type: "module", name: "phi-ts" });

/** @throws PhiError for a checkpoint that does not load, or the signal's reason */
export async function loadEngine({ name, source, ...options }: Wanted): Promise<Engine> {
  const start = performance.now();
  const loaded = (phi: Phi, offThread: boolean, notices: string[] = []): Engine => ({
    phi,
    name,
    offThread,
    notices: [...notices, ...phi.notices.map(({ message }) => message)],
    loadMs: performance.now() - start,
  });
  try {
    return loaded(await loadPhi(source, { ...options, worker: startWorker }), true);
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    const notice = `The engine runs on the page's own thread, since no worker could be had (${error.message}).`;
    return loaded(await loadPhi(source, options), false, [notice]);
  }
}
