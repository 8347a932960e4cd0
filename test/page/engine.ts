import { assert } from "../assert.ts";
import type { Test } from "../harness.ts";
import type { BrowserName } from "./browsers.ts";
import { golden, type Open } from "./talk.ts";

const JAPAN = "What is the capital of Japan?";

/** Where and how the engine runs, and what is left of it where a browser or a policy refuses something. */
export function engineTests(test: Test, open: Open, browser: BrowserName): void {
  test("the engine runs off the main thread, in WASM, on a page that is not cross-origin isolated", () =>
    open({}, async (v) => {
      await v.loaded();
      assert.equal(await v.fact("Off the main thread"), "yes");
      assert.ok(/^WASM \(\w+\)$/.test((await v.fact("Kernels")) ?? ""), await v.fact("Kernels"));
      assert.equal(await v.page.evaluate(() => window.crossOriginIsolated), false);
      assert.equal(await v.text("#notices"), "");
      const facts = ["Memory, weights", "Memory, KV cache", "Memory, in all", "Time to load"];
      for (const term of facts) assert.ok(/^[\d.,]+ (kB|MB|ms|s)$/.test((await v.fact(term)) ?? ""), term);
    }));

  test("the page works at the root of a host as it does under a path", () =>
    open({ base: "/" }, async (v) => {
      await v.loaded();
      assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
    }));

  test("where a policy refuses WebAssembly, the kernels in plain TypeScript answer, and the page says so", () =>
    open(
      {
        headers: { "content-security-policy": "script-src 'self'" },
        expectedErrors: /Content.Security.Policy|WebAssembly/i,
      },
      async (v) => {
        await v.loaded();
        assert.equal(await v.fact("Kernels"), "TypeScript (reference)");
        assert.ok(/WebAssembly|WASM/.test(await v.text("#notices")), await v.text("#notices"));
        assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
      },
    ));

  test("where a policy refuses workers, the engine runs on the page's own thread, and the page says so", () =>
    open(
      {
        headers: { "content-security-policy": "worker-src 'none'" },
        expectedErrors: /Content.Security.Policy|worker/i,
      },
      async (v) => {
        await v.loaded();
        assert.equal(await v.fact("Off the main thread"), "no");
        assert.ok((await v.text("#notices")).includes("the page's own thread"), await v.text("#notices"));
        assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
      },
    ));

  test("where a browser has no workers at all, the engine runs on the page's own thread, and the page says so", () =>
    open({ before: "delete globalThis.Worker;" }, async (v) => {
      await v.loaded();
      assert.equal(await v.fact("Off the main thread"), "no");
      assert.ok((await v.text("#notices")).includes("the page's own thread"), await v.text("#notices"));
      assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
    }));

  const DYING =
    "globalThis.Worker = class extends Worker { constructor(...a) { super(...a); globalThis.lastWorker = this; } };";
  test("when the worker dies, the page says so below the question, loads the model again, and answers the next", () =>
    open({ before: DYING }, async (v) => {
      await v.loaded();
      await v.page.evaluate("lastWorker.dispatchEvent(new ErrorEvent('error', { message: 'out of memory' })); 0");
      const { note, failed } = await v.answer(JAPAN);
      assert.ok(failed && /worker/.test(note), note);
      await v.idle();
      assert.equal(await v.fact("Off the main thread"), "yes");
      assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
    }));

  test("where the model's file is missing, the page says so in words", () =>
    open({ lost: "phi-tiny/model.safetensors", expectedErrors: /404/ }, async (v) => {
      await v.page.waitForFunction(() => document.querySelector("#trouble .what") !== null, { timeout: 60_000 });
      const trouble = await v.text("#trouble");
      assert.ok(/Not loaded: phi-tiny.*model\.safetensors/.test(trouble), trouble);
      const { note, failed } = await v.answer(JAPAN);
      assert.ok(failed && note === "There is no model that could answer.", note);
    }));

  test("frames go on while stories are written one after the other; intervals are reported, not judged", () =>
    open({}, async (v) => {
      await v.loaded();
      const measure = async (ms: number, stories: boolean): Promise<Frames> => {
        await v.page.evaluate((stories) => {
          const w = window as unknown as Measured;
          const frames: number[] = [];
          const tick = [
            (now: number) => {
              frames.push(now);
              if (w.frames === frames) requestAnimationFrame(tick[0]);
            },
          ];
          w.frames = frames;
          w.long = 0;
          requestAnimationFrame(tick[0]);
          if (PerformanceObserver.supportedEntryTypes.includes("longtask")) {
            new PerformanceObserver((list) => {
              w.long += list.getEntries().length;
            }).observe({ type: "longtask" });
          }
          const story = [...document.querySelectorAll("#examples button")].at(-1) as HTMLButtonElement;
          if (stories) w.asking = window.setInterval(() => document.querySelector(".waiting") ?? story.click(), 5);
        }, stories);
        await new Promise((resolve) => setTimeout(resolve, ms));
        return v.page.evaluate(() => {
          const { frames, long, asking } = window as unknown as Measured;
          (window as unknown as Measured).frames = []; // ends the loop of frames
          clearInterval(asking);
          const notes = [...document.querySelectorAll(".turn.model .note")].map((note) => note.textContent ?? "");
          const tokens = notes.reduce((sum, note) => sum + Number.parseInt(note, 10), 0);
          return { gaps: frames.slice(1).map((now, i) => now - frames[i]), long, tokens };
        });
      };
      const say = ({ gaps, long }: Frames): string => {
        const sorted = gaps.toSorted((a, b) => a - b);
        const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]?.toFixed(1);
        const tasks = browser === "chromium" ? `, ${long} tasks over 50 ms` : "";
        return `median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms of ${gaps.length} frames${tasks}`;
      };
      const idle = await measure(2000, false);
      const busy = await measure(4000, true);
      console.log(`  idle:    ${say(idle)}\n  writing: ${say(busy)}, ${busy.tokens} tokens`);
      assert.ok(busy.tokens > 0 && busy.gaps.length > 10, `${busy.gaps.length} frames, ${busy.tokens} tokens`);
    }));
}

interface Frames {
  gaps: number[];
  long: number;
  tokens: number;
}

interface Measured {
  frames: number[];
  long: number;
  asking: number;
}
