// The page, as visitors find it, in real browsers:
//   npm run test:page                 builds the page, and tries it in Chromium and Firefox
//   npm run test:page -- firefox      in one of them; a further word picks the tests with it in their title
// Ends with "N passed, N failed, N skipped". Browsers that are not on this machine are skipped by name.
import { buildPage } from "../../scripts/demo.ts";
import { diskEngine } from "../engines/disk.ts";
import type { Test } from "../harness.ts";
import { runSuite, Tally } from "../runner.ts";
import { type Browser, type BrowserName, launch, missing } from "./browsers.ts";
import { checkpointTests } from "./checkpoint.ts";
import { engineTests } from "./engine.ts";
import { looksTests } from "./looks.ts";
import { talkTests } from "./talk.ts";
import { visit } from "./visit.ts";

const args = process.argv.slice(2);
const names = (["chromium", "firefox"] as const).filter((name) => args.includes(name) || !args.some(isBrowser));
const words = args.filter((arg) => !isBrowser(arg));

function isBrowser(arg: string): boolean {
  return arg === "chromium" || arg === "firefox";
}

/** No test hangs: a browser that does not answer is a failure. */
const LIMIT_MS = 180_000;

function limited(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const folder = await buildPage();
const engine = await diskEngine({ vitest: false, note: () => {} });
const tally = new Tally();

async function tryIn(name: BrowserName): Promise<void> {
  const reason = missing(name);
  if (reason !== undefined) {
    tally.add({ suite: name, title: "the page", kind: "skipped", reason });
    return;
  }
  let browser: Browser | undefined = await launch(name);
  console.log(`\n── ${await browser.version()}`);
  try {
    const open: Parameters<typeof talkTests>[1] = (options, use) => visit(browser as Browser, folder, options, use);
    const define = ({ test: every }: { test: Test }) => {
      const wanted = (title: string) => words.every((word) => title.includes(word));
      const test: Test = Object.assign(
        (title: string, run: () => void | Promise<void>) => {
          if (wanted(title)) every(title, () => limited(Promise.resolve(run())));
        },
        { skip: (title: string, reason: string) => void (wanted(title) && every.skip(title, reason)) },
      );
      talkTests(test, open);
      checkpointTests(test, open, name);
      looksTests(test, open, name, folder);
      engineTests(test, open, name);
    };
    await runSuite({ name, define }, engine, (outcome) => {
      if (outcome.kind === "passed") console.log(`✓ ${outcome.title}`);
      tally.add(outcome);
    });
  } finally {
    await browser.close();
    browser = undefined;
  }
}

for (const name of names) {
  try {
    await tryIn(name);
  } catch (error) {
    tally.add({ suite: name, title: "the browser is driven", kind: "failed", error: String(error) });
  }
}
console.log(tally.summary());
process.exit(tally.ok ? 0 : 1);
