import { PhiError } from "./errors.ts";

/**
 * Who is told of a fault. Loading throws the first ({@link throwIt}); `inspect` wants them all and collects ({@link Faults}), and whoever has told
 * goes on with what else can be looked at.
 */
export type Tell = (fault: PhiError) => void;

export const throwIt: Tell = (fault) => {
  throw fault;
};

/** A checkpoint with more faults than this is one of another kind; the others are counted only. */
const MOST = 1000;

/** All faults that are told, in their order; what says the same is the same. */
export class Faults {
  readonly #found = new Map<string, PhiError>();
  #more = 0;

  readonly tell: Tell = (fault) => {
    if (this.#found.has(fault.message)) return;
    if (this.#found.size < MOST) this.#found.set(fault.message, fault);
    else this.#more++;
  };

  get list(): PhiError[] {
    return [...this.#found.values()];
  }

  /** Those that were told beyond the list. */
  get more(): number {
    return this.#more;
  }
}

/**
 * What `look` gives, or undefined if it found any fault, whether it told of it or threw it.
 * @throws what `tell` throws, and what is no PhiError
 */
export function attempt<T>(tell: Tell, look: (tell: Tell) => T): T | undefined {
  const { counting, sound } = watch(tell);
  try {
    const value = look(counting);
    return sound() ? value : undefined;
  } catch (error) {
    return told(tell, error);
  }
}

/** {@link attempt} of what takes a while. */
export async function attemptAsync<T>(tell: Tell, look: (tell: Tell) => Promise<T>): Promise<T | undefined> {
  const { counting, sound } = watch(tell);
  try {
    const value = await look(counting);
    return sound() ? value : undefined;
  } catch (error) {
    return told(tell, error);
  }
}

function watch(tell: Tell): { counting: Tell; sound: () => boolean } {
  let faults = 0;
  const counting: Tell = (fault) => {
    faults++;
    tell(fault);
  };
  return { counting, sound: () => faults === 0 };
}

function told(tell: Tell, error: unknown): undefined {
  if (!(error instanceof PhiError)) throw error;
  tell(error);
  return undefined;
}
