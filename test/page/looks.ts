import { readFileSync } from "node:fs";
import { assert } from "../assert.ts";
import type { Test } from "../harness.ts";
import { axeSource, type BrowserName, launch } from "./browsers.ts";
import type { Open } from "./talk.ts";
import { type Visit, type VisitOptions, visit } from "./visit.ts";

const PHONE = { width: 375, height: 740 };
const LONG = "https://example.org/".padEnd(400, "a");

/** Brings the page into the state that is hardest to look at: answers, an error with a long name in it, all settings. */
async function crowded(v: Visit): Promise<void> {
  await v.loaded();
  await v.answer("What is photosynthesis?");
  await v.answer(LONG);
  await v.page.evaluate((name) => {
    const data = new DataTransfer();
    data.items.add(new File(["{}"], `${name.replaceAll(/\W/g, "")}.json`));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    (document.querySelector("details") as HTMLDetailsElement).open = true;
  }, LONG);
  await v.page.waitForFunction(() => document.querySelector("#trouble .what") !== null, { timeout: 60_000 });
}

/** Relative luminance of an "rgb(…)" (WCAG 2.2). */
function luminance(color: string): number {
  const [r, g, b] = (color.match(/[\d.]+/g) ?? []).map((text) => {
    const c = Number(text) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** How the page looks, and how it is used without a mouse or without eyes. */
export function looksTests(test: Test, open: Open, browser: BrowserName, folder: string): void {
  test("at 375 px nothing is wider than the page, before and after answers, errors and settings", () =>
    open(PHONE, async (v) => {
      const overflow = () =>
        v.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(await overflow(), 0, "while loading");
      await v.loaded();
      assert.equal(await overflow(), 0, "loaded");
      await crowded(v);
      assert.equal(await overflow(), 0, "crowded");
    }));

  test("at 375 px the question and its button are on the first screen, and all that is pressed is at least 44 px high", () =>
    open(PHONE, async (v) => {
      await v.loaded();
      const bottom = await v.page.evaluate(
        () => document.querySelector("#send")?.getBoundingClientRect().bottom ?? 9999,
      );
      assert.atMost(bottom, PHONE.height);
      await crowded(v);
      const low = await v.page.evaluate(() =>
        [...document.querySelectorAll("button, .button, summary, select, textarea, input[type=number], label.check")]
          .filter((e) => e.getClientRects().length > 0)
          .map((e) => ({ what: e.id || e.textContent?.trim(), height: Math.round(e.getBoundingClientRect().height) }))
          .filter(({ height }) => height < 44),
      );
      assert.deepEqual(low, []);
    }));

  test("whatever Tab reaches shows that it is reached, in the order of the page", () =>
    open({}, async (v) => {
      await v.loaded();
      await v.page.evaluate(() => {
        (document.querySelector("details") as HTMLDetailsElement).open = true;
      });
      const stops: { id: string; top: number; outline: number }[] = [];
      for (let i = 0; i < 40; i++) {
        await v.page.keyboard.press("Tab");
        const stop = await v.page.evaluate(() => {
          const at = document.activeElement as HTMLElement;
          if (at === document.body) return undefined;
          // The field for folders is not seen; its label is.
          const seen = at.id === "folder" ? (document.querySelector('label[for="folder"]') as HTMLElement) : at;
          const style = getComputedStyle(seen);
          const outline = style.outlineStyle === "none" ? 0 : Number.parseFloat(style.outlineWidth);
          return { id: at.id || (at.textContent ?? ""), top: seen.getBoundingClientRect().top + scrollY, outline };
        });
        if (stop === undefined || stop.id === stops[0]?.id) break;
        stops.push(stop);
      }
      assert.deepEqual(
        stops.filter(({ outline }) => !(outline >= 2)).map(({ id }) => id),
        [],
        "no outline",
      );
      const ids = stops.map(({ id }) => id);
      const wanted = [
        "question",
        "continue",
        "send",
        "folder",
        "Settings",
        "temperature",
        "max-tokens",
        "seed",
        "weights",
      ];
      assert.deepEqual(ids.slice(-wanted.length), wanted);
    }));

  /** In the dark, and with less motion wanted. Firefox is told so when it starts. */
  const openDark = (options: VisitOptions, use: (v: Visit) => Promise<void>): Promise<void> => {
    const media = { "prefers-color-scheme": "dark", "prefers-reduced-motion": "reduce" };
    return browser === "chromium" ? open({ ...options, media }, use) : inAnother(browser, folder, options, use);
  };
  const openLight = (options: VisitOptions, use: (v: Visit) => Promise<void>): Promise<void> => {
    const media = { "prefers-color-scheme": "light", "prefers-reduced-motion": "no-preference" };
    return open(browser === "chromium" ? { ...options, media } : options, use);
  };

  test("light and dark follow the reader's own setting, text with a contrast of at least 7 to 1", async () => {
    const grounds: number[] = [];
    for (const opened of [openLight, openDark]) {
      await opened({}, async (v) => {
        await v.loaded();
        const { ink, ground } = await v.page.evaluate(() => {
          const { color, backgroundColor } = getComputedStyle(document.body);
          return { ink: color, ground: backgroundColor };
        });
        const [a, b] = [luminance(ink), luminance(ground)].sort((x, y) => y - x);
        assert.ok((a + 0.05) / (b + 0.05) >= 7, `${ink} on ${ground}`);
        grounds.push(luminance(ground));
      });
    }
    assert.ok(grounds[0] > 0.8 && grounds[1] < 0.05, `${grounds}`);
  });

  test("the cursor of a growing answer blinks, but not for a reader who wants less motion", async () => {
    const names: string[] = [];
    for (const opened of [openLight, openDark]) {
      await opened({}, async (v) => {
        await v.loaded();
        await v.answer("Hello!");
        const name = await v.page.evaluate(() => {
          document.querySelector(".turn.model")?.classList.add("waiting");
          return getComputedStyle(document.querySelector(".turn.model .text") as Element, "::after").animationName;
        });
        names.push(name);
      });
    }
    assert.deepEqual(names, ["blink", "none"]);
  });

  const axe = axeSource();
  for (const [theme, opened] of Object.entries({ light: openLight, dark: openDark })) {
    for (const [size, options] of Object.entries({ desktop: {}, phone: PHONE })) {
      const title = `axe-core finds no violation, ${theme}, ${size}: at first, loaded, and with answers, an error and all settings`;
      if ("reason" in axe) {
        test.skip(title, axe.reason);
        continue;
      }
      test(title, () =>
        opened(options, async (v) => {
          await v.page.evaluate(readFileSync(axe.path, "utf8"));
          const check = async (state: string) => {
            const violations = await v.page.evaluate(async () => {
              const { axe } = window as unknown as { axe: { run(): Promise<{ violations: AxeViolation[] }> } };
              const { violations } = await axe.run();
              return violations.map(
                ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`,
              );
            });
            assert.deepEqual(violations, [], state);
          };
          await check("at first");
          await v.loaded();
          await check("loaded");
          await crowded(v);
          await check("crowded");
        }),
      );
    }
  }
}

interface AxeViolation {
  id: string;
  nodes: { html: string }[];
}

/** In a browser of its own that was started in the dark, with less motion wanted. */
async function inAnother(
  name: BrowserName,
  folder: string,
  options: VisitOptions,
  use: (v: Visit) => Promise<void>,
): Promise<void> {
  const browser = await launch(name, true);
  try {
    await visit(browser, folder, options, use);
  } finally {
    await browser.close();
  }
}
