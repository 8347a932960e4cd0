import type { Engine } from "../harness.ts";
import { Tally } from "../runner.ts";
import type { Message } from "./remote.ts";
import { type Result, resultOf } from "./result.ts";

/** Runs the suites of files below test/ ("./kernels/rope.test.ts") on an engine, prints what fails, and ends what it has started. */
export type Driver = (files: readonly string[]) => Promise<Result>;

/** Gathers the messages of an engine without files. What the console says is printed where it may explain a failure. */
export function collect() {
  const tally = new Tally();
  const notes: Record<string, string> = {};
  let engine: Pick<Engine, "name" | "version" | "features"> | undefined;
  let finish: (result: Result) => void = () => {};
  const done = new Promise<Result>((resolve) => {
    finish = resolve;
  });
  const onMessage = (message: Message): void => {
    if (message.kind === "engine") {
      engine = message.engine;
      console.log(`${engine.name} ${engine.version}, ${message.suites} suites`);
    } else if (message.kind === "note") notes[message.name] = message.value;
    else if (message.kind === "console") console.log(`  [console] ${message.text}`);
    else if (message.kind === "done" && engine) finish(resultOf(engine, tally, notes));
    else if (message.kind !== "done") tally.add(message);
  };
  return { onMessage, done };
}
