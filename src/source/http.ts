import { OptionError } from "../errors.ts";
import { HttpFile, type Transfer } from "./http-file.ts";
import type { Fetch, Requests } from "./http-request.ts";
import { Starts } from "./http-start.ts";
import { Queue } from "./queue.ts";
import { checkName } from "./range.ts";
import type { Source } from "./source.ts";

/** What {@link httpSource} needs to know. */
export interface HttpOptions {
  /** As the engine's own. */
  fetch: Fetch;
  /** Sent to the origin of the folder's URL, and to no other. */
  headers?: Headers;
  /** Milliseconds without a byte after which a request has failed. */
  timeoutMs: number;
}

/** Files of one source that are opened at the same time, at most: browsers allow six connections to a server. */
const OPENING = 6;

/** How names of files in checkpoints end, those that are refused among them; every other URL is a folder's. */
const FILE = /\.(?:json|safetensors|gguf|gz|jinja|tiktoken|bin|pt|pth|ckpt|onnx|h5|msgpack|npz)$/i;

/** A folder on a web server. It has no `list`: a server does not tell. @param folder as {@link folderOf} gives it */
export function httpSource(folder: URL, { fetch, headers, timeoutMs }: HttpOptions): Source {
  const requests: Requests = { fetch, headers: headers ?? new Headers(), origin: folder.origin, timeoutMs };
  const shared: Transfer = { ...requests, starts: new Starts(requests), streams: new Queue() };
  const opening = new Queue(OPENING);
  return {
    async open(name, options = {}) {
      checkName(name);
      options.signal?.throwIfAborted();
      const url = new URL(encodeURIComponent(name), folder);
      url.search = folder.search;
      return opening.run(() => HttpFile.open(shared, url, options));
    },
  };
}

/**
 * The folder that a URL means, with the URL's query and a "/" at its end, and the file in it, if the URL names one.
 * @throws OptionError unless it is an http(s): URL without a password
 */
export function folderOf(where: string, given: string | URL): { folder: URL; file?: string } {
  let url: URL | undefined;
  try {
    url = new URL(given);
  } catch {}
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new OptionError({
      what: `${where}: no URL to load from`,
      got: String(given),
      expected: "http://… or https://…",
    });
  }
  if (url.username || url.password) {
    const expected = "urlSource(url, { headers: { authorization: … } })";
    throw new OptionError({ what: `${where}: a URL with a password in it is not fetched`, got: url.host, expected });
  }
  url.hash = "";
  const file = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  if (!FILE.test(file)) {
    if (file) url.pathname += "/";
    return { folder: url };
  }
  url.pathname = url.pathname.slice(0, -file.length);
  return { folder: url, file: decodeURIComponent(file) };
}
