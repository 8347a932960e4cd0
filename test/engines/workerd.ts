import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { REST } from "../../src/kernels/rest.ts";
import { moduleBytes } from "../../src/kernels/wasm-module.ts";
import { startServer } from "../source/http-server.ts";
import { bundle } from "./bundle.ts";
import { inProject, pathOf } from "./disk.ts";
import { collect, type Driver } from "./driver.ts";
import { installed } from "./local.ts";
import type { Message } from "./remote.ts";
import { start } from "./spawn.ts";

/** Modules beside the worker, by their names: the builds, and each without the rest, as programs of `phi-ts/core` have them. */
const MODULES = {
  relaxed: () => moduleBytes("relaxed", REST),
  strict: () => moduleBytes("strict", REST),
  "relaxed-core": () => moduleBytes("relaxed"),
  "strict-core": () => moduleBytes("strict"),
};
const NAMES = Object.keys(MODULES);

/** Strings of Cap'n Proto's text form are JSON's. */
const quote = (text: string): string => JSON.stringify(text);

/** The real binary with the suites as one worker, the project's folder as a disk service, and one request for each suite. */
export const workerd: Driver = async (files) => {
  const program = installed("workerd");
  const folder = mkdtempSync(join(tmpdir(), "phi-ts-workerd-"));
  writeFileSync(
    join(folder, "worker.js"),
    await bundle(
      "worker.ts",
      files,
      NAMES.map((name) => `./${name}.wasm`),
    ),
  );
  for (const [name, bytes] of Object.entries(MODULES)) writeFileSync(join(folder, `${name}.wasm`), bytes());
  const modules = NAMES.map((name) => `(name = "${name}.wasm", wasm = embed "${name}.wasm")`);
  const empty = mkdtempSync(join(folder, "empty-"));
  writeFileSync(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "suites", worker = .suites),
    (name = "project", disk = (path = ${quote(inProject("."))})),
    (name = "shared", disk = (path = ${quote(existsSync(pathOf("shared/")) ? pathOf("shared/") : empty)})),
    (name = "internet", network = (allow = ["local", "private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "suites")],
);
const suites :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js"), ${modules.join(", ")}],
  bindings = [
    (name = "PROJECT", service = "project"),
    (name = "SHARED", service = "shared"),
    (name = "SERVER", text = ${quote(await startServer())}),
    (name = "VERSION", text = ${quote(await versionOf(program))}),
  ],
  compatibilityDate = "2026-11-01",
);
`,
  );

  const said: string[] = [];
  const args = ["serve", "--control-fd=3", join(folder, "config.capnp")];
  const started = start(program, args, { line: (text) => void said.push(text), extra: 1 });
  const collector = collect();
  try {
    const died = started.ended.then((code) => {
      throw new Error(`workerd ended (${code}) before the tests did:\n${said.slice(-30).join("\n")}`);
    });
    const port = await Promise.race([portOf(started.extra[0]), died]);
    const ask = async (path: string): Promise<Message[]> => {
      const messages: Message[] = [];
      const { body, status } = await fetch(`http://127.0.0.1:${port}/${path}`);
      if (!body || status !== 200) throw new Error(`request ${path}: ${status}\n${said.slice(-30).join("\n")}`);
      let rest = "";
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        const lines = `${rest}${text}`.split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const message = JSON.parse(line) as Message;
          messages.push(message);
          collector.onMessage(message);
        }
      }
      return messages;
    };
    const run = async () => {
      const [about] = await ask("");
      const suites = about.kind === "engine" ? about.suites : 0;
      for (let i = 0; i < suites; i++) await ask(String(i));
      collector.onMessage({ kind: "done" });
      return collector.done;
    };
    return await Promise.race([run(), died]);
  } finally {
    await started.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};

/** workerd writes what it listens to, one JSON text a line. */
async function portOf(control: Readable): Promise<number> {
  for await (const line of createInterface({ input: control })) {
    const event = JSON.parse(line) as { event: string; port?: number };
    if (event.event === "listen" && event.port !== undefined) return event.port;
  }
  throw new Error("workerd listens nowhere");
}

async function versionOf(program: string): Promise<string> {
  const lines: string[] = [];
  await start(program, ["--version"], { line: (text) => void lines.push(text) }).ended;
  return lines.join(" ").replace(/^workerd /, "");
}
