import { SourceError } from "../errors.ts";
import { shownUrl, Transient } from "./http-request.ts";

/** What the head of an answer says about the bytes that follow. */
export interface Answer {
  /** Whether it is the range that was asked for (206), or the whole file (200). */
  ranged: boolean;
  /** Offset of its first byte. */
  from: number;
  /** Offset behind its last byte, where that is told. */
  to?: number;
  /** Bytes of the whole file, where that is told. */
  size?: number;
  /** The body is zipped on the way. Not every engine unzips what was not to be zipped: ask again, for no range. */
  encoded?: boolean;
  /** The file's ETag, or else its date: another one means another file. */
  validator?: string;
}

/** Longer pauses than this are not waited for. */
const MAX_WAIT_MS = 30_000;

/** A pause may help after these. */
const BUSY = [408, 425, 429, 500, 502, 503, 504];

const REFUSED: Readonly<Record<number, [what: string, code: string]>> = {
  401: ["the server wants to know who asks (headers of urlSource)", "unauthorized"],
  403: ["the server does not allow this", "forbidden"],
  404: ["there is no such file", "not_found"],
  410: ["there is no such file any more", "not_found"],
  416: ["the server has no such range of the file", "bad_range"],
  429: ["too many requests, says the server", "rate_limited"],
};

/**
 * Looks at status and headers. Ranges: RFC 9110 section 14.
 * @param asked the range that was asked for; undefined if the whole file was
 * @param hides true if the server is known to give other files: some stores answer 403 for what is not there
 * @throws SourceError, or Transient where asking again may help
 */
export function readAnswer(response: Response, url: string, asked: Span | undefined, hides = false): Answer {
  const { status, headers } = response;
  const file = shownUrl(url);
  const bad = (what: string, got: unknown, expected: string) =>
    new SourceError({ what, file, got, expected }, "bad_response");
  const contentRange = headers.get("content-range");
  // An empty file has no range; if another origin keeps Content-Range from us (CORS), it only may be one.
  if (status === 416 && asked?.from === 0)
    return { ranged: true, from: 0, to: 0, size: contentRange === "bytes */0" ? 0 : undefined };
  if (status !== 200 && status !== 206) throw refused(response, file, hides);
  const type = headers.get("content-type") ?? "";
  if (/^text\/html\b/i.test(type)) {
    // A page for people, as servers of single-page applications give it for every path.
    throw new SourceError({ what: "there is no such file", file, got: "an HTML page in its place" }, "not_found");
  }
  const validator = headers.get("etag") ?? headers.get("last-modified") ?? undefined;
  const encoding = headers.get("content-encoding");
  const plain = encoding === null || encoding === "" || encoding === "identity";
  if (status === 200) {
    const length = headers.get("content-length");
    // What an encoded body unpacks to, nobody says.
    const size = plain && length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
    return { ranged: false, from: 0, to: size, size, validator, encoded: !plain };
  }
  if (!asked) throw bad("the answer is a part of the file", 206, "the whole (200)");
  if (/^multipart\//i.test(type)) throw bad("the answer comes in several parts", type, "one range");
  // Here, too, it may be kept from us; ranges of a zipped body are none of the file.
  if (contentRange === null || !plain) return { ranged: true, from: asked.from, encoded: !plain };
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(contentRange) ?? [];
  const from = Number(first);
  const to = Number(last) + 1;
  const size = total === undefined || total === "*" ? undefined : Number(total);
  if (!(from === asked.from && to > from && to <= asked.to && (size === undefined || to <= size)))
    throw bad("Content-Range is not what was asked for", contentRange, `bytes ${asked.from}-${asked.to - 1}/…`);
  return { ranged: true, from, to, size, validator };
}

/** Bytes [from, to) of a file. */
export interface Span {
  from: number;
  to: number;
}

/** As the header Range has it. */
export const rangeOf = ({ from, to }: Span): string => `bytes=${from}-${to - 1}`;

function refused({ status, headers }: Response, file: string, hides: boolean): SourceError | Transient {
  const [what, code] = REFUSED[status] ?? ["the server did not give the file", status >= 500 ? "server" : "http"];
  const error = new SourceError({ what, file, got: `status ${status}` }, status === 403 && hides ? "not_found" : code);
  if (!BUSY.includes(status)) return error;
  const waitMs = retryAfter(headers.get("retry-after"));
  return waitMs !== undefined && waitMs > MAX_WAIT_MS ? error : new Transient(error, waitMs);
}

/** Retry-After: seconds or a date. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
