import { fetchUrl, openPath } from "#platform";
import { OptionError } from "./errors.ts";
import { checkCallback, checkNumber, checkOptions } from "./options.ts";
import { type BlobInput, blobSource, isBlob, isBlobInput, nameOfBlob } from "./source/blob.ts";
import { isSource } from "./source/bytes.ts";
import { callersSource } from "./source/checked.ts";
import { folderOf, type HttpOptions, httpSource } from "./source/http.ts";
import { explained, HUB, hubFolder, isHubName, nameOfPage, parseHubName } from "./source/hub.ts";
import type { Opened, Source } from "./source/source.ts";

/** Whatever a checkpoint, or a part of one, is read from. */
export type Input = string | URL | Source | BlobInput;

/** What {@link openInput} takes, for messages. */
export const INPUTS = "a path, an http(s): URL, hf:owner/name, a Blob or Files, or a Source";

/**
 * The one place that tells what it was given: the path of a folder or a file (Node, Bun, Deno), an http(s): or file: URL of either, a name on the
 * hub (hf:owner/name), Blobs and Files, or a {@link Source}.
 * @param where the call, for messages
 * @param options how files are fetched, if they are
 * @param expected what it takes, for messages
 * @throws OptionError if it is none of these, or for an option's value; SourceError if nothing is there
 */
export async function openInput(
  where: string,
  input: unknown,
  options: UrlOptions = {},
  expected = INPUTS,
): Promise<Opened> {
  const http = httpOptionsOf(where, options);
  if (isSource(input)) return { source: callersSource(input) };
  if (isUrl(input)) return openUrl(where, input, options, http);
  if ((typeof input === "string" && input !== "") || input instanceof URL) return openPath(input);
  if (isBlobInput(input)) return { source: blobSource(input), ...(isBlob(input) && { file: nameOfBlob(input) }) };
  throw new OptionError({ what: `${where}: cannot read from this`, got: input, expected });
}

const isUrl = (input: unknown): input is string | URL =>
  isHubName(input) ||
  (typeof input === "string" ? /^https?:\/\//i.test(input) : input instanceof URL && input.protocol !== "file:");

/** How files at URLs and on the hub are fetched; what comes from elsewhere is not concerned. */
export interface UrlOptions {
  /** Called in place of the engine's own fetch. */
  fetch?: HttpOptions["fetch"];
  /** Sent to the origin of the URL (of a name: of the hub) only, never to another one that it redirects to. */
  headers?: ConstructorParameters<typeof Headers>[0];
  /** Milliseconds without a byte after which a request has failed and is repeated. Default 60,000. */
  timeoutMs?: number;
  /** Where `hf:` names are looked up, for mirrors: files lie at hubUrl/owner/name/resolve/revision/FILE. Default: the hub's public address. */
  hubUrl?: string | URL;
}

export const URL_OPTIONS = ["fetch", "headers", "timeoutMs", "hubUrl"] as const satisfies (keyof UrlOptions)[];

/** Those of some options that are {@link UrlOptions}, and the others. What is no object is left for the checks of the others. */
export function withoutUrl<T extends UrlOptions>(
  options: T,
): { fetching: UrlOptions; others: Omit<T, keyof UrlOptions> } {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    return { fetching: {}, others: options };
  const { fetch, headers, timeoutMs, hubUrl, ...others } = options;
  return { fetching: { fetch, headers, timeoutMs, hubUrl }, others };
}

/**
 * A folder on a web server: config.json beside the weights. Files are read by Range requests, a window of them ahead of the reader, or, where
 * a server ignores Range, in one stream each. Nothing is listed and nothing is fetched that was not asked for.
 *
 * @param url of the folder, or of a file in it (its name ends as those of checkpoints do: .json, .safetensors, .gguf, .gz, .jinja), or
 * hf:owner/name[@revision][/path]. A query is sent with every file's name.
 * @param options.headers are sent to the URL's own origin only, never to another one that it redirects to. Browsers do not tell where a
 * redirect leads: there, headers other than Authorization (which browsers themselves drop on the way to another origin) make it an error.
 * @param options.fetch is called in place of the engine's own
 * @param options.timeoutMs milliseconds without a single byte after which a request counts as failed; default 60,000. Failed requests are
 * repeated a few times, with pauses, and go on where the bytes broke off.
 * @param options.hubUrl where names on the hub are looked up
 * @throws OptionError if it is no http(s): URL and no name on the hub, or for an unknown option
 * @example
 * const phi = await loadPhi(urlSource("https://example.org/phi-4-mini/", { headers: { authorization: `Bearer ${token}` } }));
 */
export function urlSource(url: string | URL, options: UrlOptions = {}): Source {
  const where = "urlSource";
  checkOptions(where, options, URL_OPTIONS);
  return openUrl(where, url, options, httpOptionsOf(where, options)).source;
}

/** @throws OptionError */
function httpOptionsOf(where: string, { fetch = fetchUrl, headers, timeoutMs }: UrlOptions): HttpOptions {
  checkCallback(where, "fetch", fetch);
  const patience = checkNumber(where, "timeoutMs", timeoutMs, { min: 1, max: 2 ** 31 - 1 }, 60_000);
  return { fetch, headers: headers && headersOf(where, headers), timeoutMs: patience };
}

function headersOf(where: string, headers: UrlOptions["headers"]): Headers {
  try {
    return new Headers(headers);
  } catch (cause) {
    // Not its text: it may be a password.
    throw new OptionError({ what: `${where}: option "headers"`, expected: "what new Headers(…) takes", cause });
  }
}

function openUrl(where: string, url: string | URL, { hubUrl = HUB }: UrlOptions, http: HttpOptions): Opened {
  const hub = folderOf(`${where}: option "hubUrl"`, hubUrl).folder;
  const page = nameOfPage(url);
  if (page !== undefined) throw new OptionError({ what: `${where}: a page of the hub`, got: `${url}`, expected: page });
  const name = isHubName(url) ? parseHubName(where, url) : undefined;
  const { folder, file } = folderOf(where, name ? hubFolder(name, hub) : url);
  const files = httpSource(folder, http);
  return {
    source: name ? explained(files, name, http.headers !== undefined) : files,
    ...(file !== undefined && { file }),
  };
}
