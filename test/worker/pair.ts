import { giveTurn } from "../../src/event-loop.ts";
import type { Backend } from "../../src/generate/backend.ts";
import { bytesSource, type Source } from "../../src/index.ts";
import type { WorkerLike } from "../../src/port/port.ts";
import { Connection } from "../../src/worker/connection.ts";
import { serve } from "../../src/worker/serve.ts";

interface Event {
  data?: unknown;
  message?: string;
}
type Handler = (event: Event) => void;

/** One end of a channel within this thread. Messages are cloned, buffers change hands, and each arrives in a turn of its own. */
export class End implements WorkerLike {
  readonly #handlers = new Map<string, Handler[]>();
  other: End | undefined;
  terminated = false;

  addEventListener(name: string, handler: Handler): void {
    this.#handlers.set(name, [...(this.#handlers.get(name) ?? []), handler]);
  }

  postMessage(message: unknown, transfer: ArrayBuffer[]): void {
    const data: unknown = structuredClone(message, { transfer });
    void giveTurn().then(() => this.other?.emit("message", { data }));
  }

  terminate(): void {
    this.terminated = true;
    this.other = undefined;
  }

  emit(name: string, event: Event): void {
    if (this.terminated) return;
    for (const handler of this.#handlers.get(name) ?? []) handler(event);
  }
}

/** The caller's end of a channel, as if it were a worker, and the end within. */
export function channel(): { worker: End; inside: End } {
  const worker = new End();
  const inside = new End();
  worker.other = inside;
  inside.other = worker;
  return { worker, inside };
}

/** A connection to a "worker" of this thread, in which a model runs already. */
export function connected(backend: Backend, source: Source = bytesSource({})): Connection {
  const { worker, inside } = channel();
  serve(inside, {}, backend);
  return new Connection(worker, source, "help");
}
