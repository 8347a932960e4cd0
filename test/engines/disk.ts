import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Engine } from "../harness.ts";
import { startServer } from "../source/http-server.ts";
import { detectFeatures } from "./features.ts";

/** The absolute path of a file or folder of the project, wherever the tests are started from; for what needs a path: suites of Node, scripts. */
export const inProject = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const PHI_TINY = inProject("models/phi-tiny");

/** "shared/…" lies beside the project or where PHI_SHARED points (test/README.md). */
export function pathOf(path: string): string {
  if (!path.startsWith("shared/")) return inProject(path);
  const folder = process.env.PHI_SHARED ?? inProject("../shared");
  return `${folder}/${path.slice("shared/".length)}`;
}

let server: Promise<string> | undefined;

/** An engine with a file system: Node, Bun, Deno. */
export async function diskEngine({ vitest, note }: Pick<Engine, "vitest" | "note">): Promise<Engine> {
  const versions: Record<string, string | undefined> = process.versions;
  const name = ["bun", "deno"].find((name) => versions[name] !== undefined) ?? "node";
  return {
    name,
    version: versions[name] ?? "",
    vitest,
    note,
    features: { ...(await detectFeatures()), files: true, workers: true },
    server() {
      server ??= startServer();
      return server;
    },
    read: async (path) => new Uint8Array(await readFile(pathOf(path))),
    async list(folder) {
      const path = pathOf(folder);
      if (!existsSync(path)) return [];
      const entries = await readdir(path, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name)
        .sort();
    },
  };
}
