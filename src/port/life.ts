import { locks } from "#platform";

/**
 * How a caller learns that a worker of the web is gone: the web tells nobody when one closes itself or is ended by the browser. The worker
 * holds a lock for as long as it lives, and the caller queues for it.
 * Source: the Web Locks API (W3C), which pages of secure origins have.
 */

/** A name that no other page of the origin uses; undefined where there are no locks. */
export function newLock(): string | undefined {
  return locks() && `phi-ts worker ${Date.now()} ${Math.random()}`;
}

/** In the worker: holds the lock for ever. Resolves when it does, with whether it does. */
export function hold(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const held = () => {
      resolve(true);
      return new Promise<never>(() => {});
    };
    Promise.resolve(locks()?.request(name, held)).then(
      () => resolve(false),
      () => resolve(false),
    );
  });
}

/** On the caller's side: calls `gone` when the worker that holds the lock is no more. */
export function whenGone(name: string, gone: () => void): void {
  locks()
    ?.request(name, gone)
    .catch(() => {});
}
