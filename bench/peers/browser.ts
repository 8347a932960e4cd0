// Chromium without a window, with a page for each runtime, isolated so that pages have threads.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { serve } from "../../scripts/serve.ts";
import { BROWSERS, findProgram } from "../../test/engines/browser.ts";
import type { PageOptions } from "./pages/page.ts";
import type { Peer } from "./peer.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

/** COOP and COEP: without them a page has no memory that threads share. */
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

export interface Browser {
  version: string;
  /** Opens pages/NAME.ts and a model there; `model` is a path below the folder of models. */
  open(name: string, model: string, threads: number): Promise<Peer>;
  close(): Promise<void>;
}

/** @param models folder whose files pages can fetch */
export async function openBrowser(models: string): Promise<Browser> {
  const site = mkdtempSync(join(tmpdir(), "phi-ts-peers-"));
  symlinkSync(models, join(site, "models"));
  symlinkSync(join(here, "node_modules"), join(site, "node_modules"));
  const server = await serve(site, { headers: ISOLATED });
  const browser = await chromium.launch({
    executablePath: findProgram(BROWSERS.chromium),
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  return {
    version: browser.version(),
    async open(name, model, threads) {
      await buildPage(site, name);
      const page = await browser.newPage();
      page.setDefaultTimeout(0);
      page.on("pageerror", (error) => console.error(`${name}: ${error.message}`));
      await page.goto(`${server.url}${name}/index.html`);
      await page.waitForFunction("globalThis.open_");
      const options: PageOptions = { url: `${server.url}models/${model}`, threads };
      const called = await page.evaluate((o) => globalThis.open_(o), options);
      return {
        name: called,
        prompt: (T) => page.evaluate((n) => globalThis.peer.prompt(n), T),
        decode: (n) => page.evaluate((count) => globalThis.peer.decode(count), n),
        close: () => page.close(),
      };
    },
    async close() {
      await browser.close();
      await server.close();
      rmSync(site, { recursive: true });
    },
  };
}

/** phi-ts is taken from src, with the platform of browsers and the worker of dist. */
async function buildPage(site: string, name: string): Promise<void> {
  mkdirSync(join(site, name), { recursive: true });
  writeFileSync(join(site, name, "index.html"), '<!doctype html><script type="module" src="page.js"></script>\n');
  await build({
    entryPoints: [join(here, "pages", `${name}.ts`)],
    outfile: join(site, name, "page.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    conditions: ["phi-ts-source"],
    logLevel: "error",
  });
}
