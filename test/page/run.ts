// The page, as visitors find it, in real browsers:
//   npm run test:page                 builds the page, and tries it in Chromium and Firefox
//   npm run test:page -- firefox      in one of them; a further word picks the tests with it in their title
// Ends with "N passed, N failed, N skipped". Browsers that are not on this machine are skipped by name.
import { buildPage } from "../../scripts/demo.ts";
import { cases, suite } from "../harness.ts";
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
const count = { passed: 0, failed: 0, skipped: 0 };

async function tryIn(name: BrowserName): Promise<void> {
  const reason = missing(name);
  if (reason !== undefined) {
    count.skipped++;
    console.log(`- ${name}: the page (skipped: ${reason})`);
    return;
  }
  let browser: Browser | undefined = await launch(name);
  console.log(`\n── ${await browser.version()}`);
  try {
    const open: Parameters<typeof talkTests>[1] = (options, use) => visit(browser as Browser, folder, options, use);
    cases.length = 0;
    suite(name, ({ test }) => {
      talkTests(test, open);
      checkpointTests(test, open, name);
      looksTests(test, open, name, folder);
      engineTests(test, open, name);
    });
    for (const { title, run, skip } of cases) {
      if (words.some((word) => !title.includes(word))) continue;
      if (skip !== undefined || !run) {
        count.skipped++;
        console.log(`- ${title} (skipped: ${skip})`);
        continue;
      }
      try {
        await limited(Promise.resolve(run()));
        count.passed++;
        console.log(`✓ ${title}`);
      } catch (error) {
        count.failed++;
        console.log(`✗ ${title}\n  ${error instanceof Error ? (error.stack ?? error) : error}`);
      }
    }
  } finally {
    await browser.close();
    browser = undefined;
  }
}

for (const name of names) {
  try {
    await tryIn(name);
  } catch (error) {
    count.failed++;
    console.log(`✗ ${name} could not be driven\n  ${error}`);
  }
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed > 0 || count.passed === 0 ? 1 : 0);
