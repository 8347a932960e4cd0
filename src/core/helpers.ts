/**
 * `phi-ts/core/helpers`: several threads, for `loadPhi(…, { helpers, threads })` of `phi-ts/core`.
 * @module
 */
import { startWorker } from "#platform";
import { helperCode } from "#worker-code";
import type { WorkerLike } from "../port/port.ts";
import { type Assemble, assembleBy, helpersBy, type StartHelpers } from "../threads/index.ts";

/** A helper's thread, made out of code. @throws WorkerError where there are none */
export const startHelper = (): WorkerLike => startWorker(helperCode());

export const startHelpers: StartHelpers = helpersBy(startHelper);

/** Threads that help the one in which the model runs, made out of code. */
export const helpers: Assemble = assembleBy(startHelpers);
