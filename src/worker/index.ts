/**
 * The engine in a worker: protocol.ts says what is said, serve.ts is the worker's side, client.ts the caller's.
 * @module
 */

export type { WorkerLike } from "../port/port.ts";
export { type Loading, loadingInWorker } from "./client.ts";
export { connect } from "./connect.ts";
