import { fetchUrl, openPath } from "#platform";
import { OptionError } from "./errors.ts";
import { checkCallback, checkNumber, checkOptions } from "./options.ts";
import { type BlobInput, blobSource, isBlob, isBlobInput, nameOfBlob } from "./source/blob.ts";
import { isSource } from "./source/bytes.ts";
import { checkedSource } from "./source/checked.ts";
import { folderOf, type HttpOptions, httpSource } from "./source/http.ts";
import type { Opened, Source } from "./source/source.ts";

/** Whatever a checkpoint, or a part of one, is read from. */
export type Input = string | URL | Source | BlobInput;

/** What {@link openInput} takes, for messages. */
export const INPUTS = "a path, an http(s): URL, a Blob or Files, or a Source";

/**
 * The one place that tells what it was given: the path of a folder or a file (Node, Bun, Deno), an http(s): or file: URL of either, Blobs
 * and Files, or a {@link Source}.
 * @param where the call, for messages
 * @param expected what it takes, for messages
 * @throws OptionError if it is none of these; SourceError if nothing is there
 */
export async function openInput(where: string, input: unknown, expected = INPUTS): Promise<Opened> {
  if (isSource(input)) return { source: checkedSource(input) };
  if (typeof input === "string" ? /^https?:\/\//i.test(input) : input instanceof URL && input.protocol !== "file:") {
    return openUrl(where, input as string | URL);
  }
  if ((typeof input === "string" && input !== "") || input instanceof URL) return openPath(input);
  if (isBlobInput(input)) return { source: blobSource(input), ...(isBlob(input) && { file: nameOfBlob(input) }) };
  throw new OptionError({ what: `${where}: cannot read from this`, got: input, expected });
}

/** Options of {@link urlSource}. */
export interface UrlOptions {
  /** Called in place of the engine's own fetch. */
  fetch?: HttpOptions["fetch"];
  /** Sent to the URL's own origin only. */
  headers?: ConstructorParameters<typeof Headers>[0];
  /** Milliseconds without a byte after which a request has failed and is repeated. Default 60,000. */
  timeoutMs?: number;
}

/**
 * A folder on a web server: config.json beside the weights. Files are read by Range requests, a window of them ahead of the reader, or, where
 * a server ignores Range, in one stream each. Nothing is listed and nothing is fetched that was not asked for.
 *
 * @param url of the folder, or of a file in it (its name ends as those of checkpoints do: .json, .safetensors, .gguf, .gz, .jinja). A query
 * is sent with every file's name.
 * @param options.headers are sent to the URL's own origin only, never to another one that it redirects to. Browsers do not tell where a
 * redirect leads: there, headers other than Authorization (which browsers themselves drop on the way to another origin) make it an error.
 * @param options.fetch is called in place of the engine's own
 * @param options.timeoutMs milliseconds without a single byte after which a request counts as failed; default 60,000. Failed requests are
 * repeated a few times, with pauses, and go on where the bytes broke off.
 * @throws OptionError if it is no http(s): URL, or for an unknown option
 * @example
 * const phi = await loadPhi(urlSource("https://example.org/phi-4-mini/", { headers: { authorization: `Bearer ${token}` } }));
 */
export function urlSource(url: string | URL, options: UrlOptions = {}): Source {
  checkOptions("urlSource", options, ["fetch", "headers", "timeoutMs"]);
  checkCallback("urlSource", "fetch", options.fetch);
  const timeoutMs = checkNumber("urlSource", "timeoutMs", options.timeoutMs, { min: 1, max: 2 ** 31 - 1 }, 60_000);
  const { folder } = folderOf("urlSource", url);
  return httpSource(folder, { fetch: options.fetch ?? fetchUrl, headers: headersOf(options.headers), timeoutMs });
}

function headersOf(headers: UrlOptions["headers"]): Headers {
  try {
    return new Headers(headers);
  } catch (cause) {
    // Not its text: it may be a password.
    throw new OptionError({ what: 'urlSource: option "headers"', expected: "what new Headers(…) takes", cause });
  }
}

function openUrl(where: string, url: string | URL): Opened {
  const { file } = folderOf(where, url);
  return { source: urlSource(url), ...(file !== undefined && { file }) };
}
