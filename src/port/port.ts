/** What both kinds of Worker have, the web's and that of `worker_threads`, and what either has inside towards its owner. */
export interface PortLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
}

/** A Worker as users make one: `new Worker(…)` of the web, Deno and Bun, or of `node:worker_threads`. */
export interface WorkerLike extends PortLike {
  terminate(): unknown;
}

interface Emitter {
  on(name: string, handler: (value: unknown) => void): void;
}

interface Target {
  addEventListener(name: string, handler: (event: { data?: unknown }) => void): void;
}

/** Calls `handler` with each message. */
export function onMessage(port: PortLike, handler: (message: unknown) => void): void {
  if (isEmitter(port)) port.on("message", handler);
  else (port as unknown as Target).addEventListener("message", (event) => handler(event.data));
}

/** Calls `handler` with whatever comes with an event of this name: an Error, an exit code, an Event. */
export function onEvent(port: PortLike, name: string, handler: (what: unknown) => void): void {
  if (isEmitter(port)) port.on(name, handler);
  else (port as unknown as Target).addEventListener(name, handler);
}

function isEmitter(port: unknown): port is Emitter {
  return typeof (port as Emitter).on === "function";
}
