import { type ServeOptions, serve } from "../../scripts/serve.ts";
import { assert } from "../assert.ts";
import type { Browser, Page } from "./browsers.ts";

/** An answer as it stands on the page. */
export interface Shown {
  text: string;
  note: string;
  failed: boolean;
}

/** Browsers on a busy machine take their time; nothing here waits for longer than it must. */
const PATIENCE = { timeout: 60_000, polling: 20 };

/** One visitor, in a fresh profile, on a server of its own. */
export class Visit {
  readonly page: Page;
  /** What went to the console as an error, and errors that nobody caught. */
  readonly errors: string[] = [];
  /** Addresses that were asked for. */
  readonly requests: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("request", (request) => this.requests.push(request.url()));
  }

  /** Waits until a model is there. */
  async loaded(): Promise<void> {
    await this.page.waitForFunction(() => document.querySelector("#facts:not([hidden])") !== null, PATIENCE);
    await this.idle();
  }

  /** Waits until nothing is being loaded. */
  async idle(): Promise<void> {
    await this.page.waitForFunction(() => document.querySelector("#progress[hidden]") !== null, PATIENCE);
  }

  /** Types a question over what stands in the box, and presses Enter. */
  async ask(question: string): Promise<void> {
    await this.page.focus("#question");
    await this.page.keyboard.down("Control");
    await this.page.keyboard.press("a");
    await this.page.keyboard.up("Control");
    await this.page.keyboard.type(question);
    await this.page.keyboard.press("Enter");
  }

  /** The answers, once there are `count` and all are whole. */
  async answers(count: number): Promise<Shown[]> {
    await this.page.waitForFunction(
      (count) =>
        document.querySelectorAll(".turn.model").length === count && document.querySelector(".turn.waiting") === null,
      PATIENCE,
      count,
    );
    return this.page.evaluate(() =>
      [...document.querySelectorAll(".turn.model")].map((turn) => ({
        text: turn.querySelector(".text")?.textContent ?? "",
        note: turn.querySelector(".note")?.textContent ?? "",
        failed: turn.classList.contains("failed"),
      })),
    );
  }

  /** Asks, and gives the answer. */
  async answer(question: string): Promise<Shown> {
    const before = await this.page.evaluate(() => document.querySelectorAll(".turn.model").length);
    await this.ask(question);
    return (await this.answers(before + 1))[before];
  }

  /** A line of the list of facts. */
  fact(term: string): Promise<string | undefined> {
    return this.page.evaluate(
      (term) =>
        [...document.querySelectorAll("#facts dt")].find((dt) => dt.textContent === term)?.nextElementSibling
          ?.textContent ?? undefined,
      term,
    );
  }

  text(selector: string): Promise<string> {
    return this.page.evaluate((selector) => document.querySelector(selector)?.textContent ?? "", selector);
  }

  /** Sets a field as its user would have, whatever its kind. */
  async set(selector: string, value: string): Promise<void> {
    await this.page.evaluate(
      (selector, value) => {
        const field = document.querySelector(selector) as HTMLInputElement;
        field.value = value;
        field.dispatchEvent(new Event("change", { bubbles: true }));
      },
      selector,
      value,
    );
  }

  /** Makes the next answers long: almost every token is as likely as any other, and a stop token is rare. */
  async longWinded(): Promise<void> {
    await this.set("#temperature", "1000");
    await this.set("#max-tokens", "900");
  }
}

/** What a visit is like. */
export interface VisitOptions extends ServeOptions {
  width?: number;
  height?: number;
  /** Errors that the browser is right to print. */
  expectedErrors?: RegExp;
  /** A file that the server does not have, by its path in the folder. */
  lost?: string;
  /** A script that runs before the page's own. */
  before?: string;
  /** Chromium only. */
  media?: Record<string, string>;
}

/** Serves the page, opens it, lets `use` do something there, and then holds what every visit must hold. */
export async function visit(
  browser: Browser,
  folder: string,
  options: VisitOptions,
  use: (visit: Visit) => Promise<void>,
): Promise<void> {
  const { width = 1180, height = 860, media, expectedErrors, lost, before, ...serving } = options;
  const has = (path: string) => path !== lost;
  const server = await serve(folder, { base: "/some/where/", has, ...serving });
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    await page.setViewport({ width, height });
    if (media) await page.emulateMediaFeatures(Object.entries(media).map(([name, value]) => ({ name, value })));
    if (before) await page.evaluateOnNewDocument(before);
    const visit = new Visit(page);
    await page.goto(server.url);
    await use(visit);
    const unexpected = visit.errors.filter((text) => !expectedErrors?.test(text));
    assert.deepEqual(unexpected, [], "errors on the console");
    const foreign = visit.requests.filter((url) => /^(https?|wss?):/.test(url) && !url.startsWith(server.url));
    assert.deepEqual(foreign, [], "requests that leave the page's folder");
  } finally {
    await context.close();
    await server.close();
  }
}
