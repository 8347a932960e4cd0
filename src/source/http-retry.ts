import { SourceError } from "../errors.ts";
import { orAbort } from "./abortable.ts";
import { Transient } from "./http-request.ts";

/** Attempts that may fail one after the other without bringing anything, at most; the last one's error is thrown. */
const ATTEMPTS = 5;
/** The first pause; each is twice as long as the one before, unless the server says how long it wants. */
const PAUSE_MS = 200;

/** Counts failures of a piece of work, and pauses after each. */
export class Patience {
  #failures = 0;

  /** Something was achieved. */
  restore(): void {
    this.#failures = 0;
  }

  /** To be called with whatever was thrown. @throws what cannot be helped by asking again, and what has failed too often; the signal's reason */
  async afterwards(failure: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw signal.reason;
    if (!(failure instanceof Transient)) throw failure;
    if (++this.#failures >= ATTEMPTS) throw failure.error;
    await sleep(failure.waitMs ?? PAUSE_MS * 2 ** (this.#failures - 1), signal);
  }
}

/** Does it until it succeeds, or asking again does not help. */
export async function patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const patience = new Patience();
  for (;;) {
    try {
      return await work();
    } catch (failure) {
      await patience.afterwards(failure, signal);
    }
  }
}

/** Fewer bytes than promised. */
export const cutShort = (file: string, got: number, expected: number): Transient =>
  new Transient(
    new SourceError({ what: "the answer ends too early", file, got: `byte ${got}`, expected }, "truncated"),
  );

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await orAbort(
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      }),
      signal,
    );
  } finally {
    clearTimeout(timer);
  }
}
