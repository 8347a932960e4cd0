import { fileURLToPath } from "node:url";
import { assert } from "../assert.ts";
import type { Test } from "../harness.ts";
import type { BrowserName } from "./browsers.ts";
import { golden, type Open } from "./talk.ts";
import type { Visit } from "./visit.ts";

const JAPAN = "What is the capital of Japan?";
const PHI_TINY = fileURLToPath(new URL("../../models/phi-tiny", import.meta.url));

/** How the files that are given differ from phi-tiny's. */
interface Changes {
  omit?: string[];
  /** In place of a file's own. */
  text?: Record<string, string>;
  /** Only so many bytes of it. */
  cut?: Record<string, number>;
}

type How = "dropped" | "chosen";

/** Gives the page a folder of files, made in the page. */
async function give(v: Visit, how: How, changes: Changes): Promise<void> {
  await v.page.evaluate(
    async (how, { omit, text, cut }) => {
      const data = new DataTransfer();
      const names = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"];
      for (const name of [...names, "model.safetensors"]) {
        if (omit?.includes(name)) continue;
        const bytes = text?.[name] ?? (await (await fetch(`phi-tiny/${name}`)).arrayBuffer());
        data.items.add(new File([new Blob([bytes]).slice(0, cut?.[name])], name));
      }
      if (how === "dropped") {
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        return;
      }
      const input = document.querySelector("#folder") as HTMLInputElement;
      input.files = data.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    },
    how,
    changes,
  );
}

const config = (v: Visit): Promise<Record<string, unknown>> =>
  v.page.evaluate(async () => (await fetch("phi-tiny/config.json")).json());

/** Checkpoints of the reader's own. */
export function checkpointTests(test: Test, open: Open, browser: BrowserName): void {
  for (const how of ["dropped", "chosen"] as const) {
    test(`a checkpoint whose files are ${how} takes phi-tiny's place, begins a new conversation, and gives the place back`, () =>
      open({}, async (v) => {
        await v.loaded();
        await v.answer("Hello!");
        const other = { ...(await config(v)), max_position_embeddings: 512 };
        await give(v, how, { text: { "config.json": JSON.stringify(other) } });
        await v.page.waitForFunction(() => document.querySelector("#model-name")?.textContent === "your checkpoint", {
          timeout: 60_000,
        });
        await v.idle();
        assert.equal(await v.fact("Context"), "512 tokens");
        assert.equal(await v.text("#trouble"), "");
        assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
        assert.equal((await v.answers(1)).length, 1);
        await v.page.click("#back");
        await v.page.waitForFunction(() => document.querySelector("#model-name")?.textContent === "phi-tiny", {
          timeout: 60_000,
        });
        await v.idle();
        assert.equal(await v.fact("Context"), "1,024 tokens");
        assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
      }));
  }

  const realFolder = "a real folder on disk, chosen in the file dialog, is called by its name";
  if (browser === "firefox") test.skip(realFolder, "WebDriver BiDi gives Firefox files, but no folders");
  else {
    test(realFolder, () =>
      open({}, async (v) => {
        await v.loaded();
        await v.set("#weights", "q8");
        await v.idle();
        await (await v.page.$("#folder"))?.uploadFile(PHI_TINY);
        await v.page.waitForFunction(() => document.querySelector("#back:not([hidden])") !== null, { timeout: 60_000 });
        assert.equal(await v.text("#model-name"), "phi-tiny");
        assert.equal(await v.fact("Weights"), "q8");
        assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
      }),
    );
  }

  const BROKEN: [what: string, changes: Changes, says: RegExp][] = [
    ["without config.json", { omit: ["config.json"] }, /config\.json/],
    [
      "of another architecture",
      { text: { "config.json": '{ "model_type": "gemma" }' } },
      /config\.json.*"gemma".*phi3/,
    ],
    [
      "whose weights are cut short",
      { cut: { "model.safetensors": 5_000_000 } },
      /model\.safetensors.*5000000|model\.safetensors.*short/,
    ],
    [
      "whose weights are a Git LFS pointer",
      { text: { "model.safetensors": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n" } },
      /Git LFS pointer/,
    ],
    ["without tokenizer", { omit: ["tokenizer.json"] }, /tokenizer\.json/],
    ["whose config.json is no JSON", { text: { "config.json": "{ model_type" } }, /config\.json/],
  ];
  for (const [what, changes, says] of BROKEN) {
    test(`a checkpoint ${what} is refused in words, and phi-tiny goes on with its conversation`, () =>
      open({}, async (v) => {
        await v.loaded();
        await v.answer("My name is Anna.");
        await give(v, "dropped", changes);
        await v.page.waitForFunction(() => document.querySelector("#trouble .what") !== null, { timeout: 60_000 });
        const trouble = await v.text("#trouble");
        assert.ok(trouble.startsWith("Not loaded: your checkpoint") && says.test(trouble), trouble);
        assert.ok(trouble.endsWith("phi-tiny is still here, as it was."), trouble);
        assert.equal((await v.answer("What is my name?")).text, "Your name is Anna.");
      }));
  }

  test("loading a checkpoint can be cancelled, and leaves phi-tiny as it was", () =>
    open({}, async (v) => {
      await v.loaded();
      await v.page.evaluate(() => {
        const cancel = document.querySelector("#cancel") as HTMLButtonElement;
        new MutationObserver(() => {
          if (!cancel.hidden) cancel.click();
        }).observe(cancel, { attributes: true });
      });
      await give(v, "dropped", {});
      await v.page.waitForFunction(() => document.querySelector("#status")?.textContent === "Loading was cancelled.", {
        timeout: 60_000,
      });
      assert.equal(await v.text("#model-name"), "phi-tiny");
      assert.equal(await v.text("#trouble"), "");
      assert.equal((await v.answer(JAPAN)).text, golden(JAPAN));
    }));
}
