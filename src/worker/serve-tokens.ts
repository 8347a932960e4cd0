import type { Account, Backend } from "../generate/backend.ts";
import type { Progress } from "../generate/row.ts";
import type { Context } from "./peer.ts";
import type { TokenEvent, WorkerCalls } from "./protocol.ts";

/** In the worker: generations, each with the tokens that it may make before its reader has taken some. */
export class TokenServer {
  readonly #credits = new Map<number, Credit>();

  /** Grants more tokens. The stream may have ended by now. */
  credit({ stream, tokens }: { stream: number; tokens: number }): void {
    this.#credits.get(stream)?.grant(tokens);
  }

  /** The reader stays away; if it has come back by now, that is told soon. */
  pause({ stream }: { stream: number }): void {
    this.#credits.get(stream)?.away?.();
  }

  /** Makes tokens until the answer ends or the call is aborted. A stream without credit waits for more. */
  async run(backend: Backend, body: WorkerCalls["tokens"]["body"], context: Context<TokenEvent>): Promise<Account> {
    const { signal, report } = context;
    const credit = new Credit(body.credit);
    this.#credits.set(body.stream, credit);
    const wake = () => credit.grant(1);
    signal.addEventListener("abort", wake);
    const onPrefill = body.prefill ? (prefill: Progress) => report({ prefill }) : undefined;
    const tokens = backend.tokens(body.job, { signal, onPrefill });
    try {
      for (;;) {
        if (credit.left === 0) {
          tokens.pause(true);
          await credit.more(() => tokens.pause());
          tokens.resume();
        }
        const token = await tokens.next();
        if (token) report({ token, account: tokens.account });
        if (!token || token.end) return tokens.account;
        credit.left--;
      }
    } finally {
      tokens.close();
      this.#credits.delete(body.stream);
      signal.removeEventListener("abort", wake);
    }
  }
}

class Credit {
  left: number;
  /** To be called when the reader stays away; absent unless the stream waits for credit. */
  away: (() => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(tokens: number) {
    this.left = tokens;
  }

  grant(tokens: number): void {
    this.left += tokens;
    this.#wake?.();
  }

  async more(away: () => void): Promise<void> {
    this.away = away;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.away = undefined;
  }
}
