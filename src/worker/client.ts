import type { Backend } from "../generate/backend.ts";
import type { WeightMeter } from "../load/progress.ts";
import { orAbort, type Source } from "../source/index.ts";
import type { Connection } from "./connection.ts";
import type { EngineOptions, FillEvent, InspectedFacts, LoadedFacts } from "./protocol.ts";
import { RemoteSequence } from "./remote-sequence.ts";
import { RemoteTokens } from "./remote-tokens.ts";
import { forwardEvents, underControl } from "./under-control.ts";

/** The two steps of loading, between which the caller reads the tokenizer; here or in a worker. */
export interface Loading {
  inspect(options: EngineOptions): Promise<InspectedFacts>;
  fill(meter: WeightMeter): Promise<{ backend: Backend; loaded: LoadedFacts }>;
  /** Something has failed: gives back whatever is held. */
  abandon(): Promise<void>;
}

/** Loads in the worker at the other end of `connection`, out of the source that stays here. */
export function loadingInWorker(connection: Connection, source: Source, signal: AbortSignal | undefined): Loading {
  const { peer } = connection;
  return {
    async inspect(options) {
      await orAbort(connection.hello(), signal);
      const body = { options, lists: source.list !== undefined };
      return underControl(connection, signal, () => peer.ask("inspect", body));
    },
    async fill(meter) {
      const onEvent = (event: FillEvent) =>
        "begin" in event ? meter.beginWeights() : meter.block(event.file, event.tensor, event.bytes);
      const loaded = await underControl(connection, signal, (guard) => peer.ask("fill", undefined, guard(onEvent)));
      return { backend: workerBackend(connection, loaded), loaded };
    },
    abandon: () => connection.dispose(),
  };
}

/** The engine in a worker, where the model is loaded. */
export function workerBackend(
  connection: Connection,
  { config, contextSize }: Pick<LoadedFacts, "config" | "contextSize">,
): Backend {
  const { peer } = connection;
  let sequences = 0;
  let streams = 0;
  const nextSequence = () => ++sequences;
  return {
    config,
    contextSize,
    check: () => peer.check(),
    tokens: (job, controls) => new RemoteTokens(connection, ++streams, job, controls),
    async forward(ids, logits, controls, adapters) {
      const onEvent = forwardEvents(controls);
      const body = { ids, logits, events: onEvent !== undefined, adapters };
      return underControl(connection, controls.signal, (guard) => peer.ask("forward", body, onEvent && guard(onEvent)));
    },
    async sequence(rope, adapters) {
      const number = nextSequence();
      await connection.held(peer.ask("sequence", { sequence: number, rope, adapters }).answer);
      return new RemoteSequence(connection, number, config.vocabSize, nextSequence);
    },
    dispose: () => connection.dispose(),
  };
}
