import { SourceError } from "../errors.ts";
import { orAbort } from "./abortable.ts";

/** As the engine's own `fetch`, of which this is all that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How requests of one source are made. */
export interface Requests {
  readonly fetch: Fetch;
  /** For `origin` only. */
  readonly headers: Headers;
  readonly origin: string;
  readonly timeoutMs: number;
}

/** A failure after which asking again may help; `waitMs` is what the server asked for. */
export class Transient {
  readonly error: SourceError;
  readonly waitMs?: number;
  constructor(error: SourceError, waitMs?: number) {
    this.error = error;
    this.waitMs = waitMs;
  }
}

const MAX_REDIRECTS = 10;

/**
 * A browser's cache would give the first bytes of a file from before with the rest of today's, and lets one request for a file wait for
 * another. (workerd knows no such member where it has no such cache. Asked at a request, not before: Node loads all of its HTTP, which needs
 * WebAssembly, when `Request` is first named.)
 */
const uncached = (): RequestInit => ("cache" in Request.prototype ? { cache: "no-store" } : {});

/** A URL as it stands in messages: queries may hold secrets. */
export const shownUrl = (url: string | URL): string => {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
};

/**
 * One request and the body that answers it. Everything that is waited for is waited for until the signal aborts, and for `timeoutMs` at most;
 * nothing is timed while nobody waits, so that a slow reader is no fault of the server. {@link end} must be called, in whatever state.
 */
export class Exchange {
  readonly #requests: Requests;
  readonly #signal: AbortSignal;
  readonly #control = new AbortController();
  readonly #url: string;
  #body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #onAbort = () => this.#control.abort(this.#signal.reason);

  constructor(requests: Requests, url: string, signal: AbortSignal) {
    this.#requests = requests;
    this.#url = url;
    this.#signal = signal;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * Sends a GET and follows redirects. @param range as the header has it
   * @throws Transient if the network fails; SourceError for a redirect that may not be followed
   */
  async send(range: string | undefined): Promise<{ response: Response; url: string }> {
    let url = this.#url;
    for (let hops = 0; ; hops++) {
      const response = await this.#hop(url, range);
      const location = response.headers.get("location");
      const moved = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
      if (!moved) {
        this.#body = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
        return { response, url: response.redirected && response.url ? response.url : url };
      }
      response.body?.cancel().catch(() => {});
      const next = new URL(location, url);
      if (hops >= MAX_REDIRECTS || !/^https?:$/.test(next.protocol)) {
        const expected = `at most ${MAX_REDIRECTS} redirects, to http(s): URLs`;
        throw new SourceError(
          { what: "too many redirects, or a strange one", file: shownUrl(this.#url), expected },
          "redirect",
        );
      }
      url = next.href;
    }
  }

  /** Without headers of the user's the engine may follow redirects by itself; with them each step must be seen. */
  async #hop(url: string, range: string | undefined): Promise<Response> {
    const { fetch, origin, headers: own } = this.#requests;
    const home = new URL(url).origin === origin;
    const headers = new Headers(home ? own : undefined);
    const secret = home && [...own.keys()].length > 0;
    if (range !== undefined) {
      headers.set("range", range);
      // Of bytes that are zipped on the way no ranges can be had. Browsers ask so by themselves, as the Fetch standard has it.
      headers.set("accept-encoding", "identity");
    }
    const { signal } = this.#control;
    const ask = async (redirect: RequestRedirect) => fetch(url, { headers, redirect, signal, ...uncached() });
    const drop = (late: Response) => late.body?.cancel().catch(() => {});
    const response = await this.#wait(() => ask(secret ? "manual" : "follow"), drop);
    if (response.type !== "opaqueredirect") return response;
    // A browser: it does not say where the redirect leads, and itself takes only Authorization off on the way to another origin.
    if ([...own.keys()].every((name) => name === "authorization")) return this.#wait(() => ask("follow"), drop);
    throw new SourceError(
      {
        what: "the server redirects, and a browser cannot keep these headers from another origin",
        file: shownUrl(url),
        got: [...own.keys()],
        expected: "no header but Authorization",
      },
      "redirect",
    );
  }

  /** The next bytes of the body, undefined at its end. @throws Transient if the connection breaks or stalls */
  async next(): Promise<Uint8Array | undefined> {
    const body = this.#body;
    return body && (await this.#wait(() => body.read())).value;
  }

  async #wait<T>(start: () => Promise<T>, late?: (value: T) => unknown): Promise<T> {
    const { timeoutMs } = this.#requests;
    const { signal } = this.#control;
    const timer = setTimeout(() => this.#control.abort(this.#stalled()), timeoutMs);
    try {
      return await orAbort(start(), signal, late);
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      const what = "the request failed, or the connection broke (in browsers also: CORS does not allow it)";
      throw new Transient(new SourceError({ what, file: shownUrl(this.#url), got: reasonOf(cause), cause }, "network"));
    } finally {
      clearTimeout(timer);
    }
  }

  #stalled(): Transient {
    const got = `${this.#requests.timeoutMs} ms of silence`;
    const facts = { what: "nothing came from the server", file: shownUrl(this.#url), got };
    return new Transient(new SourceError(facts, "timeout"));
  }

  /** Gives the connection back: what of the body was not read will not be. */
  end(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#body?.cancel().catch(() => {});
    this.#control.abort();
  }
}

/** What fetch says is "fetch failed"; why is in its cause. */
function reasonOf(error: unknown): string {
  const cause = (error as { cause?: { code?: unknown; message?: unknown } } | null)?.cause;
  return String(cause?.code ?? cause?.message ?? error);
}
