/** The conversation as it is seen: turns, text that grows by frames, and a view that follows it unless the reader has scrolled up. */
import { byId, make } from "./dom.ts";

const log = byId("log", HTMLElement);
const welcome = byId("welcome", HTMLElement);

/** Nearer to the end than this, in pixels, the reader is taken to be reading the end. */
const NEAR_END = 32;

/** Changes the log and, if the reader was at its end, goes on to the new one. */
function change(how: () => void): void {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
  how();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

/** Back to how the page began. */
export function clearLog(): void {
  log.replaceChildren(welcome);
  log.scrollTop = 0;
}

/** A turn in the log. Its text grows once a frame, however many pieces have come in between. */
export class Turn {
  readonly #article = make("div", "turn");
  readonly #text = make("div", "text");
  readonly #shown = document.createTextNode("");
  readonly #note = make("p", "note");
  #unseen = "";
  #frame = 0;

  /** @param who "You", or the model's name */
  constructor(who: string, role: "user" | "model", text = "") {
    this.#article.classList.add(role);
    this.#text.dir = "auto";
    this.#shown.data = text;
    this.#text.append(this.#shown);
    this.#article.append(make("p", "who", who), this.#text);
    welcome.remove();
    log.append(this.#article);
    log.scrollTop = log.scrollHeight; // whoever asks wants to see the answer
  }

  /** While the answer is not whole. */
  set waiting(waiting: boolean) {
    this.#article.classList.toggle("waiting", waiting);
    this.#article.setAttribute("aria-busy", String(waiting));
  }

  add(text: string): void {
    this.#unseen += text;
    this.#frame ||= requestAnimationFrame(() => this.#show());
  }

  /** The line below the text. */
  note(text: string, failed = false): void {
    this.#show();
    change(() => {
      this.#note.textContent = text;
      this.#article.classList.toggle("failed", failed);
      if (!this.#note.isConnected) this.#article.append(this.#note);
    });
  }

  #show(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#unseen) change(() => this.#shown.appendData(this.#unseen));
    this.#unseen = "";
  }
}
