import { bytesSource, type Source } from "../src/source/index.ts";
import type { Engine } from "./harness.ts";

/** Files of the project for suites, on every engine: paths are those from the project's root. */

export async function readJson<T>(engine: Engine, path: string): Promise<T> {
  return JSON.parse(await readText(engine, path)) as T;
}

export async function readText(engine: Engine, path: string): Promise<string> {
  return new TextDecoder().decode(await engine.read(path));
}

/** A file under test/fixtures. */
export const readFixture = (engine: Engine, name: string): Promise<Uint8Array<ArrayBuffer>> =>
  engine.read(`test/fixtures/${name}`);

export const readFixtureJson = <T>(engine: Engine, name: string): Promise<T> =>
  readJson<T>(engine, `test/fixtures/${name}`);

/** The files of a folder, each read when it is opened. */
export function folder(engine: Engine, path: string): Source {
  const list = () => engine.list(path);
  return {
    list,
    async open(name) {
      const names = await list();
      const files = new Map<string, Uint8Array>(names.map((n) => [n, new Uint8Array()]));
      if (files.has(name)) files.set(name, await engine.read(`${path}/${name}`));
      return bytesSource(files).open(name);
    },
  };
}

/** The files of a folder in memory, all that `keep` says. */
export async function filesOf(
  engine: Engine,
  path: string,
  keep: (name: string) => boolean = () => true,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const names = (await engine.list(path)).filter(keep);
  return new Map(await Promise.all(names.map(async (n) => [n, await engine.read(`${path}/${n}`)] as const)));
}

/** Our small trained model. */
export const phiTinyFolder = (engine: Engine): Source => folder(engine, "models/phi-tiny");

/** Whether a file lies in the data beside the project, which may not be committed (see test/README.md). */
export async function hasShared(engine: Engine, path: string): Promise<boolean> {
  const at = path.lastIndexOf("/");
  return (await engine.list(`shared/${path.slice(0, at)}`)).includes(path.slice(at + 1));
}
