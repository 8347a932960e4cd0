/** How long the caller's event loop may wait for its turn, in milliseconds. */
export const TURN_EVERY_MS = 8;
/** Steps after which a turn is given while the clock stands still: some engines stop it between events (workerd does). */
const STILL_STEPS = 16;

interface Globals {
  setImmediate?: (callback: () => void) => void;
  MessageChannel?: new () => {
    port1: { onmessage: (() => void) | null };
    port2: { postMessage(message: unknown): void };
  };
}

function chooseTurn(globals: Globals): () => Promise<void> {
  const { setImmediate, MessageChannel } = globals;
  if (setImmediate) return () => new Promise((resolve) => setImmediate(resolve));
  if (MessageChannel) {
    const waiting: (() => void)[] = [];
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => waiting.shift()?.();
    return () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        port2.postMessage(0);
      });
  }
  return () => new Promise((resolve) => setTimeout(resolve, 0));
}

let chosen: (() => Promise<void>) | undefined;

/**
 * Lets the event loop run everything else once: timers, input, network. `setImmediate` where there is one, a message to ourselves where
 * not (browsers delay nested timers by 4 ms), else a timer. Not `scheduler.yield`: its continuations go before the page's own timers.
 */
export function giveTurn(): Promise<void> {
  chosen ??= chooseTurn(globalThis as Globals);
  return chosen();
}

/** Gives the event loop its turn whenever so many milliseconds have passed since the last one. */
export class Pacer {
  readonly #now: () => number;
  readonly #turn: () => Promise<void>;
  readonly #every: number;
  #last = -Infinity;
  #still = 0;

  constructor(
    now: () => number = () => performance.now(),
    turn: () => Promise<void> = giveTurn,
    every = TURN_EVERY_MS,
  ) {
    this.#now = now;
    this.#turn = turn;
    this.#every = every;
  }

  /** Whether it is time. */
  get due(): boolean {
    const passed = this.#now() - this.#last;
    this.#still = passed === 0 ? this.#still + 1 : 0;
    return passed >= this.#every || this.#still >= STILL_STEPS;
  }

  /** To be awaited before each piece of work: a turn if it is time. */
  async pace(): Promise<void> {
    if (this.due) await this.turn();
  }

  async turn(): Promise<void> {
    await this.#turn();
    this.#still = 0;
    this.#last = this.#now();
  }
}
