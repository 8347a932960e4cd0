/** Runs pieces of work one after the other, in the order in which they were asked for; one that fails does not stop the next. */
export class Queue {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(work: () => T | Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.then(ignore, ignore);
    return done;
  }
}

function ignore(): void {}
