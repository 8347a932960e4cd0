#!/usr/bin/env node
import { readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { chat } from "./chat.ts";
import { generate } from "./generate.ts";
import { inspect } from "./inspect.ts";
import { logits } from "./logits.ts";
import { merge } from "./merge.ts";
import { runProgram } from "./program.ts";
import { quantize } from "./quantize.ts";
import { tokenize } from "./tokenize.ts";
import { verify } from "./verify.ts";

/** The package's version: package.json stands two folders above this file, in dist/ as in src/. */
function version(): string {
  const file = join(dirname(realpathSync(process.argv[1])), "../../package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

await runProgram({
  name: "phi",
  summary: "Microsoft's Phi models in TypeScript and WebAssembly.",
  version,
  commands: [chat, generate, tokenize, inspect, logits, quantize, merge, verify],
  args: process.argv.slice(2),
});
