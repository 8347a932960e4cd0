import { SourceError, type UrlOptions, urlSource } from "../../src/index.ts";
import type { Engine } from "../harness.ts";
import { type Logged, wrongByte } from "./big-byte.ts";

let ids = 0;

/** What suites of sources over HTTP do with the tests' web server. */
export async function visit(engine: Engine) {
  const base = await engine.server();

  /** A folder of the server that behaves as `query` says, and its log. */
  const at = (folder: string, query = "") => {
    const id = `${++ids}-${Math.round(performance.now())}`;
    const url = `${base}/${folder}/?id=${id}${query && `&${query}`}`;
    const log = async (): Promise<Logged[]> => (await fetch(`${base}/log?id=${id}`)).json();
    return { url, log, source: (options?: UrlOptions) => urlSource(url, options) };
  };

  const open = (query: string, size: number, options?: UrlOptions) =>
    at("big", query).source(options).open(`${size}.bin`);

  const codeOf = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(
      () => new Error("it succeeded"),
      (error) => error,
    );
    return error instanceof SourceError ? error.code : String(error);
  };

  /** Waits until the server sees no request under way; that it must, is the claim. */
  const quiet = async (log: () => Promise<Logged[]>): Promise<Logged[]> => {
    for (;;) {
      const lines = await log();
      if (lines.every((line) => !line.open)) return lines;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  // A browser does not show where a redirect leads.
  const browser = "document" in globalThis;
  return { base, at, wrong: wrongByte, open, codeOf, quiet, browser };
}
