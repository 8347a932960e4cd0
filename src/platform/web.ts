import { SourceError } from "../errors.ts";
import type { Sink } from "../source/sink.ts";
import type { Opened } from "../source/source.ts";

const noPaths = (path: string, instead: string): SourceError =>
  new SourceError(
    { what: "paths need Node, Bun or Deno; here is no file system", file: path, expected: instead },
    "no_paths",
  );

/** There is no file system here. @throws SourceError (code "no_paths") saying what to give instead, always */
export async function openPath(path: string | URL): Promise<Opened> {
  throw noPaths(
    String(path),
    "a URL (new URL(path, location.href)), Files, or a Source such as bytesSource({ name: bytes, … })",
  );
}

/** There is no file system here. @throws SourceError (code "no_paths") saying what to give instead, always */
export async function createFolder(path: string): Promise<Sink> {
  throw noPaths(path, "a Sink, for instance bytesSink(files)");
}

/** The engine's own fetch, looked up when it is called. */
export const fetchUrl = (url: string, init: RequestInit): Promise<Response> => fetch(url, init);

/** CPU time of this process in milliseconds; browsers do not tell. */
export function cpuTimeMs(): number | undefined {
  return undefined;
}
