import { DisposedError, PhiError } from "../errors.ts";
import { Pacer } from "../event-loop.ts";
import type { Backend, ForwardControls, SequenceHandle } from "../generate/backend.ts";
import { Engine } from "../generate/engine.ts";
import { localBackend } from "../generate/local.ts";
import type { EngineParts } from "../load/engine-parts.ts";
import { fillModel, kernelsOf, type ModelKernels } from "../load/load.ts";
import { type Inspected, inspectModel } from "../load/plan-model.ts";
import type { WeightMeter } from "../load/progress.ts";
import { hold } from "../port/life.ts";
import { onEvent, type PortLike } from "../port/port.ts";
import { assembleBy, type StartHelpers } from "../threads/index.ts";
import { type Context, type Handlers, Handover, Peer } from "./peer.ts";
import {
  type CallerCalls,
  type CallerNotes,
  type ForwardEvent,
  PROTOCOL,
  type WorkerCalls,
  type WorkerNotes,
} from "./protocol.ts";
import { remoteSource } from "./remote-source.ts";
import { TokenServer } from "./serve-tokens.ts";
import { ErrorPost } from "./wire-error.ts";

/**
 * How long what comes for a worker may wait, in milliseconds: calls, and the end of calls. Nothing else runs there, and a turn costs a step of
 * small models a tenth of a millisecond or three: helpers fall asleep meanwhile.
 */
const TURN_EVERY_MS = 32;

/**
 * What a worker does: waits for one model to be loaded, and runs it for whoever is at the other end of `port`.
 * @param parts what its engine has beside the core
 * @param backend a model that is there already
 */
export function serve(port: PortLike, parts: EngineParts, backend?: Backend): void {
  const { formats, architectures, lora } = parts;
  let inspected: { model: Inspected; chosen: ModelKernels } | undefined;
  const sequences = new Map<number, SequenceHandle>();
  const tokens = new TokenServer();

  const model = (): Backend => {
    if (backend) return backend;
    throw new PhiError("worker_protocol", "no model was loaded in this worker");
  };
  const sequence = (number: number): SequenceHandle => {
    const found = sequences.get(number);
    if (found) return found;
    throw new DisposedError("the sequence");
  };

  const handlers: Handlers<WorkerCalls, WorkerNotes> = {
    async hello({ lock }) {
      return { protocol: PROTOCOL, holdsLock: lock !== undefined && (await hold(lock)) };
    },

    async inspect({ options, lists }) {
      if (inspected || backend)
        throw new PhiError("worker_protocol", "this worker has a model already: each needs its own");
      const chosen = kernelsOf(options, parts);
      // The caller, who has started this worker, can start others.
      const planned = { ...options, formats, architectures, lora, canStartThreads: true };
      const model = await inspectModel(remoteSource(peer, lists), planned);
      inspected = { model, chosen };
      const { config, generationConfig, sourceBytes } = model;
      return { config, generationConfig, sourceBytes };
    },

    async fill(_, { signal, report }) {
      if (!inspected || backend) throw new PhiError("worker_protocol", "the model is to be inspected, and filled once");
      const { model, chosen } = inspected;
      const meter: WeightMeter = {
        beginWeights: () => report({ begin: true }),
        block: (file, tensor, bytes) => report({ file, tensor, bytes }),
      };
      const { decoder, ...facts } = await fillModel(model, chosen, meter, { signal, assemble: assembleBy(start) });
      await model.files.close();
      backend = localBackend(new Engine(decoder, facts.contextSize, new Pacer(undefined, undefined, TURN_EVERY_MS)));
      return facts;
    },

    async forward({ sequence: number, ids, logits, events, adapters }, context) {
      const controls = events ? controlsOf(context) : { signal: context.signal };
      const out = await (number === undefined
        ? model().forward(ids, logits, controls, adapters)
        : sequence(number).forward(ids, logits, controls));
      return new Handover(out, [out.buffer as ArrayBuffer]);
    },

    tokens: (body, context) => tokens.run(model(), body, context),
    credit: (body) => tokens.credit(body),
    pause: (body) => tokens.pause(body),

    async sequence({ sequence: number, rope, adapters }) {
      sequences.set(number, await model().sequence(rope, adapters));
      return undefined;
    },
    async truncate({ sequence: number, length }) {
      await sequence(number).truncate(length);
      return undefined;
    },
    async fork({ sequence: number, fork }) {
      sequences.set(fork, await sequence(number).fork());
      return undefined;
    },
    release({ sequence: number }) {
      sequences.get(number)?.dispose();
      sequences.delete(number);
      return undefined;
    },
  };
  // The caller starts and ends them, and notices their end even while we compute.
  const start: StartHelpers = (setups) => {
    const ready = peer.ask("helpers", setups).answer;
    // Told to whoever waits for it, later.
    ready.catch(() => {});
    return { ready, running: () => true, end: () => peer.tell("dismiss", undefined) };
  };
  // A call that was lost would be waited for without end: better that the worker dies, which is noticed.
  onEvent(port, "messageerror", () => {
    throw new PhiError("worker_protocol", "a message to the worker could not be read");
  });
  const peer: Peer<CallerCalls, CallerNotes, WorkerCalls, WorkerNotes> = new Peer(port, new ErrorPost(false), handlers);
}

function controlsOf({ signal, report }: Context<ForwardEvent>): ForwardControls {
  return {
    signal,
    onProgress: (progress) => report({ progress }),
    onReprefill: (reprefill) => report({ reprefill }),
  };
}
