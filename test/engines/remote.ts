import { suites } from "all-suites";
import type { Engine } from "../harness.ts";
import { type Outcome, runSuite } from "../runner.ts";

/** What an engine without files sends to its driver, a JSON text a line. */
export type Message =
  | { kind: "engine"; engine: Pick<Engine, "name" | "version" | "features">; suites: number }
  | { kind: "note"; name: string; value: string }
  | { kind: "console"; text: string }
  | { kind: "done" }
  | Outcome;

/** An engine whose project files come over HTTP by `get`, and are answered as workerd's disk service does: folders are lists in JSON. */
export function remoteEngine(
  about: Pick<Engine, "name" | "version" | "features" | "server">,
  get: (path: string) => Promise<Response>,
  send: (message: Message) => void,
): Engine {
  return {
    ...about,
    vitest: false,
    async read(path) {
      const answer = await get(path);
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      return new Uint8Array(await answer.arrayBuffer());
    },
    async list(folder) {
      const answer = await get(`${folder}/`);
      if (!answer.ok) return [];
      const entries = (await answer.json()) as { name: string; type: string }[];
      return entries
        .filter(({ type }) => type === "file")
        .map(({ name }) => name)
        .sort();
    },
    note: (name, value) => send({ kind: "note", name, value }),
  };
}

export const suiteCount = suites.length;

/** Runs the suite with this number. */
export const runSuiteAt = (index: number, engine: Engine, send: (message: Message) => void): Promise<void> =>
  runSuite(suites[index], engine, send);
