// Makes docs/images/page.png, the picture in the README, from the real page in Chromium (puppeteer-core of test/engines must be installed):
//   npm run demo -- --build && node --import tsx scripts/make-screenshot.ts
import { mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch } from "../test/page/browsers.ts";
import { Visit } from "../test/page/visit.ts";
import { serve } from "./serve.ts";

const image = fileURLToPath(new URL("../docs/images/page.png", import.meta.url));
mkdirSync(fileURLToPath(new URL(".", `file://${image}`)), { recursive: true });

const server = await serve(fileURLToPath(new URL("../dist/demo", import.meta.url)));
const browser = await launch("chromium");
try {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.setViewport({ width: 1080, height: 850 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await page.goto(server.url);
  const visit = new Visit(page);
  await visit.loaded();
  await visit.answer("Hello!"); // the engine compiles what it runs; the figures in the picture are of a warm one
  await page.evaluate("document.querySelector('#new').click()"); // no pointer stays over it
  await visit.answer("Tom buys 4 notebooks for $3 each and pays with $20. How many dollars of change does he get?");
  await page.screenshot({ path: image });
} finally {
  await browser.close();
  await server.close();
}
console.log(`docs/images/page.png: ${statSync(image).size} bytes`);
