import { OptionError, SourceError } from "../errors.ts";
import { isPlainName } from "./range.ts";
import type { Source } from "./source.ts";

/** The hub's public address, which option `hubUrl` replaces by a mirror's. */
export const HUB = "https://huggingface.co";

const FORM = "hf:owner/name, hf:owner/name@revision, hf:owner/name/FILE";

/** A model on the hub, by its name. */
export interface HubName {
  /** "hf:owner/name", as messages name it. */
  repo: string;
  owner: string;
  name: string;
  /** A branch, tag or commit. */
  revision: string;
  /** Folders, and perhaps a file at their end. */
  path: readonly string[];
}

/** True for "hf:…", as text or URL. */
export const isHubName = (input: unknown): input is string | URL =>
  (typeof input === "string" && input.startsWith("hf:")) || (input instanceof URL && input.protocol === "hf:");

/**
 * Reads `hf:owner/name[@revision][/path]`. Parts may be percent-encoded; a revision with a "/" in it must be: `@refs%2Fpr%2F1`.
 * @throws OptionError for empty parts, "..", and whatever else is no name
 */
export function parseHubName(where: string, given: string | URL): HubName {
  const wrong = (what: string, got: string): OptionError =>
    new OptionError({ what: `${where}: ${what}`, got, expected: FORM });
  const [owner = "", named = "", ...path] = String(given).slice(3).split("/");
  const at = named.indexOf("@");
  const parts = [owner, at < 0 ? named : named.slice(0, at), at < 0 ? "main" : named.slice(at + 1), ...path];
  const [user, name, revision, ...rest] = parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw wrong("a name on the hub with a % that stands for nothing (it is written %25)", part);
    }
  });
  for (const part of [user, name])
    if (!/^[\w.-]+$/.test(part) || !isPlainName(part)) throw wrong("no name of a model on the hub", String(given));
  if (!revision.split("/").every(isPlainName)) throw wrong("no name of a revision", revision);
  const folder = rest.at(-1) === "" ? rest.slice(0, -1) : rest; // "hf:owner/name/" is a folder
  for (const part of folder) if (!isPlainName(part)) throw wrong("no name of a file on the hub", part);
  return { repo: `hf:${user}/${name}`, owner: user, name, revision, path: folder };
}

/** What a page of the hub is about, as a name; undefined for other URLs. People copy what the address bar shows, where no files lie. */
export function nameOfPage(url: string | URL): string | undefined {
  const [, repo, revision, path] =
    /^https:\/\/huggingface\.co\/([^/?#]+\/[^/?#]+)(?:\/(?:tree|blob)\/([^/?#]+)(?:\/([^?#]+))?)?\/?(?:[?#].*)?$/.exec(
      `${url}`,
    ) ?? [];
  if (repo === undefined) return undefined;
  const at = revision === undefined || revision === "main" ? "" : `@${revision}`;
  return `hf:${repo}${at}${path === undefined ? "" : `/${path}`}`;
}

/** Where the files of a model lie below a hub's address. @throws OptionError for a name that is no Unicode */
export function hubFolder({ owner, name, revision, path }: HubName, hub: URL): URL {
  const url = new URL(hub);
  // Without a path it ends in "/", so that a revision "v1.json" is no file.
  const parts = [owner, name, "resolve", revision, ...(path.length > 0 ? path : [""])];
  try {
    url.pathname = `${url.pathname.replace(/\/+$/, "")}/${parts.map(encodeURIComponent).join("/")}`;
  } catch (cause) {
    throw new OptionError({ what: "no name of a file on the hub", got: path, expected: "Unicode text", cause });
  }
  return url;
}

/**
 * The same source, whose refusals say what they mean on a hub. Codes stay as they are.
 * @param token whether headers are sent
 */
export function explained(source: Source, { repo, revision }: HubName, token: boolean): Source {
  return {
    async open(name, options) {
      try {
        return await source.open(name, options);
      } catch (error) {
        const said = error instanceof SourceError ? meaning(error.code, token) : undefined;
        if (said === undefined) throw error;
        const { file, code } = error as SourceError;
        throw new SourceError({ what: `${repo} at ${revision}: ${said}`, file, cause: error }, code);
      }
    },
  };
}

function meaning(code: string, token: boolean): string | undefined {
  const access =
    'headers: { authorization: "Bearer …" } with the token of a user who has access (the phi command takes it from HF_TOKEN)';
  if (code === "unauthorized") {
    return token
      ? "the hub does not know this token, or there is no such model"
      : `the model is gated or private, or there is no such model (the hub answers 401 for both): pass ${access}`;
  }
  if (code === "forbidden") {
    return token
      ? "this token has no access: the model is gated, and its terms must be accepted on its page, or the token may not read it"
      : `the model is gated: pass ${access}`;
  }
  return undefined;
}
