import type { ForwardControls } from "../generate/backend.ts";
import type { Connection } from "./connection.ts";
import { ABORTED, type Asked } from "./peer.ts";
import type { ForwardEvent } from "./protocol.ts";

/** Makes a callback that is given events and cannot throw. */
export type Guard = <Event>(callback: (event: Event) => void) => (event: Event) => void;

/**
 * Runs a call of the worker under its caller's signal and callbacks. Either may end it: the worker is told to leave off, and when it has, the
 * call rejects with the signal's reason, or with what the callback threw.
 * @param undo called where the worker was done with the call before it heard of a callback's error
 */
export async function underControl<Answer>(
  connection: Connection,
  signal: AbortSignal | undefined,
  start: (guard: Guard) => Asked<Answer>,
  undo?: () => Promise<unknown>,
): Promise<Answer> {
  signal?.throwIfAborted();
  let thrown: { error: unknown } | undefined;
  const guard: Guard = (callback) => (event) => {
    if (thrown) return;
    try {
      callback(event);
    } catch (error) {
      thrown = { error };
      asked.abort();
    }
  };
  const asked = start(guard);
  const abort = () => asked.abort();
  signal?.addEventListener("abort", abort);
  try {
    const answer = await connection.held(asked.answer);
    if (!thrown) return answer;
    await undo?.();
  } catch (error) {
    if (error !== ABORTED) throw error;
    if (!thrown) throw signal?.reason;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  throw thrown?.error;
}

/** The callbacks of a forward as one, or undefined if there are none: then the worker reports nothing. */
export function forwardEvents({
  onProgress,
  onReprefill,
}: ForwardControls): ((event: ForwardEvent) => void) | undefined {
  if (!onProgress && !onReprefill) return undefined;
  return (event) => {
    if ("progress" in event) onProgress?.(event.progress);
    else onReprefill?.(event.reprefill);
  };
}
