import { once } from "node:events";

/** Standard output carries answers only; everything else (progress, hints, rates) goes to standard error, and progress only to a terminal. */

const colours = (stream: { isTTY?: boolean }): boolean =>
  Boolean(stream.isTTY) && !process.env.NO_COLOR && process.env.TERM !== "dumb";

/** Grey text on a terminal that shows it. */
export const dim = (text: string, stream: { isTTY?: boolean } = process.stderr): string =>
  colours(stream) ? `\x1b[2m${text}\x1b[22m` : text;

/** Writes to standard output, and waits where its reader is slow. */
export async function write(text: string): Promise<void> {
  if (text !== "" && !process.stdout.write(text)) await once(process.stdout, "drain");
}

export const note = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** A reader that has gone away (`phi generate … | head`) ends the program quietly. */
export function leaveOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
}

/** 10496560 → "10.5 MB" (decimal units). */
export function bytes(n: number): string {
  if (n < 1000) return `${n} bytes`;
  for (const [unit, size] of [
    ["GB", 1e9],
    ["MB", 1e6],
  ] as const) {
    if (n >= size) return `${(n / size).toFixed(n >= 100 * size ? 0 : n >= 10 * size ? 1 : 2)} ${unit}`;
  }
  return `${(n / 1e3).toFixed(1)} kB`;
}

/** 5246208 → "5,246,208". */
export const count = (n: number): string => String(n).replaceAll(/\B(?=(\d{3})+$)/g, ",");

/** A line on a terminal's standard error that is written over and over, and removed at the end. Elsewhere it shows nothing. */
export class ProgressLine {
  readonly #stream: { isTTY?: boolean; columns?: number; write(text: string): unknown };
  #shown = false;
  #last = -Infinity;

  constructor(stream: { isTTY?: boolean; columns?: number; write(text: string): unknown } = process.stderr) {
    this.#stream = stream;
  }

  show(text: string): void {
    const now = performance.now();
    if (!this.#stream.isTTY || now - this.#last < 50) return;
    this.#last = now;
    this.#shown = true;
    this.#stream.write(`\r\x1b[K${dim(text.slice(0, (this.#stream.columns ?? 80) - 1), this.#stream)}`);
  }

  /** Removes the line if it stands there; whatever else was written on the terminal's line stays. */
  clear(): void {
    if (this.#shown) this.#stream.write("\r\x1b[K");
    this.#shown = false;
  }
}

/** Runs `work` with a signal that Ctrl-C aborts; the program goes on. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | "interrupted"> {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  process.on("SIGINT", interrupt);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted && error === controller.signal.reason) return "interrupted";
    throw error;
  } finally {
    process.off("SIGINT", interrupt);
  }
}
