import { existsSync } from "node:fs";
import { createRequire } from "node:module";

/**
 * Real browsers, driven by puppeteer-core, which is installed with the engines (test/engines), not with the project: hence these few lines of
 * its types (https://pptr.dev/api). Chromium is driven over CDP, Firefox as its distributor ships it over WebDriver BiDi.
 */
export interface Browser {
  version(): Promise<string>;
  createBrowserContext(): Promise<{ newPage(): Promise<Page>; close(): Promise<void> }>;
  close(): Promise<void>;
}

export interface Page {
  goto(url: string): Promise<unknown>;
  /** Runs before the page's own scripts. */
  evaluateOnNewDocument(script: string): Promise<unknown>;
  setViewport(size: { width: number; height: number }): Promise<void>;
  /** Chromium only. */
  emulateMediaFeatures(features: { name: string; value: string }[]): Promise<void>;
  evaluate<T, A extends unknown[]>(run: string | ((...args: A) => T), ...args: A): Promise<Awaited<T>>;
  waitForFunction<A extends unknown[]>(
    run: (...args: A) => unknown,
    options: { timeout: number; polling?: number },
    ...args: A
  ): Promise<unknown>;
  focus(selector: string): Promise<void>;
  click(selector: string): Promise<void>;
  $(selector: string): Promise<{ uploadFile(...paths: string[]): Promise<void> } | null>;
  screenshot(options: { path: string }): Promise<unknown>;
  keyboard: {
    press(key: string): Promise<void>;
    down(key: string): Promise<void>;
    up(key: string): Promise<void>;
    type(text: string): Promise<void>;
  };
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listener: (error: Error) => void): void;
  on(event: "request", listener: (request: { url(): string }) => void): void;
}

export type BrowserName = "chromium" | "firefox";

const PATHS: Record<BrowserName, string[]> = {
  chromium: [process.env.CHROMIUM ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  firefox: [process.env.FIREFOX ?? "", "/usr/bin/firefox-esr", "/usr/bin/firefox"],
};

/** Nothing that a browser does on its own account, and no sandbox, which does not work for root in a container. */
const CHROMIUM_FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update"],
];

const engines = createRequire(new URL("../engines/package.json", import.meta.url));

/** Why the page cannot be tried in this browser here, if it cannot. */
export function missing(name: BrowserName): string | undefined {
  try {
    engines.resolve("puppeteer-core");
  } catch {
    return "puppeteer-core is not installed (npm install in test/engines)";
  }
  return pathOf(name) === undefined
    ? `there is no ${name} on this machine (${name.toUpperCase()}=path names one)`
    : undefined;
}

const pathOf = (name: BrowserName): string | undefined => PATHS[name].find((path) => path !== "" && existsSync(path));

/** @param dark the dark theme and less motion; Firefox takes such wishes when it starts */
export function launch(name: BrowserName, dark = false): Promise<Browser> {
  const puppeteer = engines("puppeteer-core") as { launch(options: object): Promise<Browser> };
  const common = { executablePath: pathOf(name), headless: true };
  if (name === "chromium") return puppeteer.launch({ ...common, browser: "chrome", args: CHROMIUM_FLAGS });
  const extraPrefsFirefox = {
    "layout.css.prefers-color-scheme.content-override": dark ? 0 : 1,
    "ui.prefersReducedMotion": dark ? 1 : 0,
  };
  return puppeteer.launch({ ...common, browser: "firefox", extraPrefsFirefox });
}

/** The source of axe-core, which looks for faults of accessibility, or why it is not here. */
export function axeSource(): { path: string } | { reason: string } {
  try {
    return { path: engines.resolve("axe-core/axe.min.js") };
  } catch {
    return { reason: "axe-core is not installed (npm install in test/engines)" };
  }
}
