import { readFileSync } from "node:fs";
import { assert } from "../assert.ts";
import { PHI_TINY } from "../engines/disk.ts";
import type { Test } from "../harness.ts";
import type { Visit, VisitOptions } from "./visit.ts";

export type Open = (options: VisitOptions, use: (visit: Visit) => Promise<void>) => Promise<void>;

const { prompts: PROMPTS } = JSON.parse(readFileSync(`${PHI_TINY}/golden.json`, "utf8")) as {
  prompts: { prompt: string; text: string }[];
};

/** phi-tiny's answer to one question, by transformers (models/phi-tiny/golden.json), without the stop token. */
export function golden(question: string): string {
  const found = PROMPTS.find(({ prompt }) => prompt === `<|user|>${question}<|end|><|assistant|>`);
  if (!found) throw new Error(`golden.json has no "${question}"`);
  return found.text.replace(/<\|end\|>$/, "");
}

const TRAIN = "A train travels 60 km every hour. How many km does it travel in 4 hours?";
const JAPAN = "What is the capital of Japan?";

/** Talking with phi-tiny. */
export function talkTests(test: Test, open: Open): void {
  test("the first visit: by keyboard alone a question is answered with phi-tiny's golden text", () =>
    open({}, async (v) => {
      const { page } = v;
      await v.loaded();
      const stops: string[] = [];
      for (let i = 0; i < 20 && stops.at(-1) !== "question"; i++) {
        await page.keyboard.press("Tab");
        stops.push(await page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || ""));
      }
      const chips = ["A sum", "A word problem", "A fact", "Some Python", "A story"];
      assert.deepEqual(stops, ["Skip to the question", "new", "log", ...chips, "question"]);
      await v.ask(TRAIN);
      assert.equal((await v.answers(1))[0].text, golden(TRAIN));
      // The second by the button, which Tab reaches behind the box for continuing.
      await page.keyboard.type(JAPAN);
      for (let i = 0; i < 2; i++) await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement?.id), "send");
      await page.keyboard.press("Enter");
      assert.equal((await v.answers(2))[1].text, golden(JAPAN));
    }));

  test("the suggested question is answered by one press of Enter, also while the model is still being loaded", () =>
    open({}, async (v) => {
      await v.page.focus("#question");
      await v.page.keyboard.press("Enter");
      const [{ text, note }] = await v.answers(1);
      assert.equal(text, "12 + 30 = 42. The answer is 42.");
      assert.ok(/^\d+ tokens, [\d,.]+ tokens\/s$/.test(note), note);
    }));

  test("in f32 phi-tiny goes on with a text as its golden says, token for token", () =>
    open({}, async (v) => {
      await v.loaded();
      await v.set("#weights", "f32");
      await v.idle();
      assert.equal(await v.fact("Weights"), "f32");
      const beginning = "Once upon a time there was a";
      const wanted = PROMPTS.find(({ prompt }) => prompt === beginning);
      await v.set("#max-tokens", "64");
      await v.page.click("#continue");
      assert.equal((await v.answer(beginning)).text, wanted?.text);
    }));

  test("a conversation remembers: the third answer needs the first two, and their tokens come from the cache", () =>
    open({}, async (v) => {
      await v.loaded();
      await v.answer("Hello!");
      await v.answer("My name is Anna.");
      assert.equal((await v.answer("What is my name?")).text, "Your name is Anna.");
      const [, cached, all] = (await v.fact("Prompt from cache"))?.match(/^(\d+) of (\d+) tokens$/) ?? [];
      assert.ok(Number(cached) > Number(all) / 2, `${cached} of ${all}`);
    }));

  test("a new conversation begins empty, with the question box ready, and knows nothing of the old", () =>
    open({}, async (v) => {
      await v.loaded();
      await v.answer("My name is Anna.");
      await v.page.click("#new");
      assert.equal(await v.page.evaluate(() => document.querySelectorAll(".turn").length), 0);
      assert.ok((await v.text("#log")).includes("says nothing about how good Phi is"));
      assert.equal(await v.page.evaluate(() => document.activeElement?.id), "question");
      assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
    }));

  for (const how of ["the Stop button", "Escape"] as const) {
    test(`${how} ends an answer at once; what was there stays, and the next question is answered`, () =>
      open({}, async (v) => {
        await v.loaded();
        await v.longWinded();
        let stopped = { text: "", note: "", failed: false };
        // Which answers are long is chance: of ten, one will be long enough to be stopped.
        for (let seed = 1; seed <= 10 && !stopped.note.endsWith(", stopped"); seed++) {
          await v.set("#seed", String(seed));
          await v.page.click("#new");
          await v.page.evaluate((byKey) => {
            const log = document.querySelector("#log") as HTMLElement;
            const observer = new MutationObserver(() => {
              if ((log.querySelector(".turn.model .text")?.textContent ?? "") === "") return;
              observer.disconnect();
              if (byKey) document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
              else (document.querySelector("#stop") as HTMLButtonElement).click();
            });
            observer.observe(log, { subtree: true, childList: true, characterData: true });
          }, how === "Escape");
          stopped = await v.answer("Tell me a short story.");
        }
        assert.ok(stopped.note.endsWith(", stopped"), stopped.note);
        assert.ok(stopped.text !== "" && !stopped.failed, stopped.text);
        assert.ok(Number(stopped.note.match(/^[\d,]+/)?.[0].replace(",", "")) < 900, stopped.note);
        assert.equal(await v.page.evaluate(() => (document.querySelector("#stop") as HTMLElement).hidden), true);
        await v.page.click("#new");
        await v.set("#temperature", "0");
        assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
      }));
  }

  test("an option out of its range is refused in words below the question, and the next one is answered", () =>
    open({}, async (v) => {
      await v.loaded();
      await v.set("#temperature", "-1");
      const { note, failed } = await v.answer(JAPAN);
      assert.ok(failed && /temperature.*got -1.*expected/.test(note), note);
      await v.set("#temperature", "0");
      assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
    }));

  test("what a reader types is text and nothing else: no element, no control token; right-to-left runs from the right", () =>
    open({}, async (v) => {
      await v.loaded();
      const markup = "<img src=x onerror=alert(1)><|end|>";
      await v.answer(markup);
      await v.answer("שלום עולם");
      const shown = await v.page.evaluate(() =>
        [...document.querySelectorAll(".turn.user .text")].map((turn) => ({
          text: turn.textContent,
          elements: turn.childElementCount,
          direction: getComputedStyle(turn).direction,
        })),
      );
      assert.deepEqual(shown, [
        { text: markup, elements: 0, direction: "ltr" },
        { text: "שלום עולם", elements: 0, direction: "rtl" },
      ]);
    }));

  test("a screen reader is told of the finished answer, once, and of no token on the way", () =>
    open({}, async (v) => {
      await v.loaded();
      await v.page.evaluate(() => {
        const status = document.querySelector("#status") as HTMLElement;
        const heard: string[] = [];
        (window as unknown as { heard: string[] }).heard = heard;
        new MutationObserver(() => heard.push(status.textContent ?? "")).observe(status, { childList: true });
      });
      await v.answer(TRAIN);
      const heard = await v.page.evaluate(() => (window as unknown as { heard: string[] }).heard);
      assert.deepEqual(heard, ["Answering.", `phi-tiny: ${golden(TRAIN)}`]);
      assert.equal(await v.page.evaluate(() => document.querySelector("#log")?.getAttribute("aria-live")), "off");
    }));

  test("the view follows a growing answer, but not when the reader has scrolled up", () =>
    open({ height: 500 }, async (v) => {
      await v.loaded();
      await v.longWinded();
      let followed = false;
      for (let seed = 1; seed <= 10 && !followed; seed++) {
        await v.set("#seed", String(seed));
        await v.page.click("#new");
        await v.answer("Tell me a short story.");
        followed = await v.page.evaluate(() => {
          const log = document.querySelector("#log") as HTMLElement;
          return log.scrollHeight > 2 * log.clientHeight && log.scrollTop + log.clientHeight > log.scrollHeight - 2;
        });
      }
      assert.ok(followed, "no long answer whose end is in view");
      // The same answer again (its seed is set): now somebody scrolls up as soon as there is something to scroll.
      await v.page.click("#new");
      await v.page.evaluate(() => {
        const log = document.querySelector("#log") as HTMLElement;
        const observer = new MutationObserver(() => {
          if (log.scrollHeight < log.clientHeight + 100) return;
          observer.disconnect();
          log.scrollTop = 0;
        });
        observer.observe(log, { subtree: true, childList: true, characterData: true });
      });
      await v.answer("Tell me a short story.");
      assert.equal(await v.page.evaluate(() => document.querySelector("#log")?.scrollTop), 0);
    }));
}
