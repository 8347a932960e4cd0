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

  /** Makes tokens until the answer ends or the call is aborted. A stream without credit is paused: others may have its room. */
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
          tokens.pause();
          await credit.more();
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
  #wake: (() => void) | undefined;

  constructor(tokens: number) {
    this.left = tokens;
  }

  grant(tokens: number): void {
    this.left += tokens;
    this.#wake?.();
  }

  more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
