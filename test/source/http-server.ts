//   node --import tsx test/source/http-server.ts      prints its URL and runs until its standard input ends
//
// A web server that misbehaves as the query of a URL asks it to, so that a suite that knows its address needs no other hold on it, and can run
// in a browser. Files: /tiny/… are phi-tiny's; /sharded/… those of a golden of five
// shards; /big/N.bin are N bytes that are made as they are sent (`bigBytes`).
// A hub of models: /OWNER/NAME/resolve/REVISION/FILE, also below /mirror; its models are HUB's.
//
//   id=NAME        counts and logs requests under this name, at /log?id=NAME
//   only=PART      only files whose name contains PART are treated as below; the others are served well
//   delay=MS       before every answer          pace=MS      between pieces of 64 KiB
//   stall=N,times=K  silence after N bytes of the body, K times per file (default: always)
//   norange        Range is ignored             nolength     no Content-Length either
//   gzip           bodies are zipped whole, whatever was accepted;  gzip=range: ranges say that they are zipped
//   contentrange=T Content-Range is T           short=N      at most N bytes for a range
//   cut=N,times=K  the connection is cut after N bytes of the body, K times per file (default: always)
//   status=S,times=K,after=T   status S, K times per file, with Retry-After: T
//   changed=K      another file from the K-th request on;  validators=none: without ETag and Last-Modified
//   redirect=R     to the other origin (other), to itself (self), or without end (loop);  expires=K: each such address is good for K requests, then 403
//   gated          401 without a token, 403 with another than "Bearer secret"
//   html           a page for every file that is not there;  hidden=403: 403 for it
//   hide           other origins' scripts may not see Content-Range (CORS)
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { inProject, PHI_TINY } from "../engines/disk.ts";
import { bigBytes, type Logged } from "./big-byte.ts";

const PIECE = 2 ** 16;
/** Before a connection is cut, what was written goes out and is read: a browser drops what has come but is not yet read when the cut comes. */
const TAKEN_MS = 100;

interface Body {
  size: number;
  bytes(from: number, to: number): Uint8Array;
}

const fixed = (all: Uint8Array): Body => ({ size: all.length, bytes: (from, to) => all.subarray(from, to) });

/** Folders of the project, by owner/name@revision. */
const HUB: Readonly<Record<string, string>> = {
  "microsoft/phi-tiny@main": "models/phi-tiny",
  "microsoft/phi-tiny@refs/pr/1": "models/phi-tiny",
  "microsoft/phi.4_mini@v1.json": "test/fixtures/golden/phi-4-mini",
  "someone/models@main": "models",
  "someone/Phi-GGUF@main": "test/fixtures/golden/gguf-phi-4-mini",
};

/** A file of the hub, by the path of its URL. */
function hubFile(path: string): string | undefined {
  const [, owner, name, revision, file] = /^(?:\/mirror)?\/([^/]+)\/([^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
  if (file === undefined) return undefined;
  const home = HUB[`${owner}/${name}@${decodeURIComponent(revision)}`];
  const hidden = owner === "someone" && file === "config.json";
  return home === undefined || hidden || file.includes("..")
    ? undefined
    : inProject(`${home}/${decodeURIComponent(file)}`);
}

function bodyOf(path: string): Body | undefined {
  const [, folder, name] = path.split("/");
  const size = folder === "big" ? Number(/^(\d+)\.bin$/.exec(name)?.[1]) : Number.NaN;
  if (size >= 0) return { size, bytes: bigBytes };
  try {
    const onHub = hubFile(path);
    if (onHub !== undefined) return fixed(readFileSync(onHub));
    const home = { tiny: PHI_TINY, sharded: inProject("test/fixtures/golden/phi-4-mini") }[folder];
    return home && !name.includes("..") ? fixed(readFileSync(`${home}/${name}`)) : undefined;
  } catch {
    return undefined;
  }
}

/** On two ports, that is, two origins. @returns the URL of the main one */
async function listen(): Promise<string> {
  const logs = new Map<string, Logged[]>();
  const tickets = new Map<string, number>();
  const origins = { main: "", other: "" };
  for (const origin of ["main", "other"] as const) {
    const server = createServer((request, response) => {
      answer(origin, request, response).catch((error) => response.destroy(error));
    });
    // Node ends idle connections after 5 s, at times just when a client takes one up again: that is not what is tried here.
    server.keepAliveTimeout = 600_000;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origins[origin] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  return origins.main;

  async function answer(origin: "main" | "other", request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", origins[origin]);
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "*, authorization");
    if (request.method === "OPTIONS") return void response.end();
    if (url.pathname === "/log")
      return void response.end(JSON.stringify(logs.get(url.searchParams.get("id") ?? "") ?? []));
    const file = decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf("/") + 1));
    const log = logs.get(url.searchParams.get("id") ?? "") ?? [];
    logs.set(url.searchParams.get("id") ?? "", log);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const line: Logged = {
      file,
      path: url.pathname,
      origin,
      range: request.headers.range,
      status: 0,
      sent: 0,
      headers,
      open: true,
    };
    const before = log.filter((other) => other.file === file && other.origin === origin).length;
    log.push(line);
    response.on("close", () => {
      line.open = false;
    });
    const affected = file.includes(url.searchParams.get("only") ?? "");
    await serve(affected ? url.searchParams : new URLSearchParams(), url, line, before, response);
  }

  async function serve(
    query: URLSearchParams,
    url: URL,
    line: Logged,
    before: number,
    response: ServerResponse,
  ): Promise<void> {
    const number = (name: string, fallback: number) => Number(query.get(name) ?? fallback);
    const times = number("times", Number.POSITIVE_INFINITY);
    if (query.has("delay")) await new Promise((resolve) => setTimeout(resolve, number("delay", 0)));
    if (!query.has("hide")) response.setHeader("access-control-expose-headers", "content-range, etag");
    const end = (status: number, headers: Record<string, string> = {}, text = "") => {
      line.status = status;
      response.writeHead(status, headers).end(text);
    };
    const token = line.headers.authorization;
    if (query.has("gated") && line.origin === "main" && token !== "Bearer secret") return end(token ? 403 : 401);
    const redirect = query.get("redirect");
    if (redirect && line.origin === "main") {
      const to = new URL(url.pathname + url.search, origins[redirect === "other" ? "other" : "main"]);
      if (redirect !== "loop") to.searchParams.delete("redirect");
      if (query.has("expires")) to.searchParams.set("ticket", String(before));
      return end(302, { location: to.href });
    }
    if (query.has("ticket")) {
      const ticket = `${url.pathname}${url.search}`;
      tickets.set(ticket, (tickets.get(ticket) ?? 0) + 1);
      if ((tickets.get(ticket) ?? 0) > number("expires", Number.POSITIVE_INFINITY)) return end(403);
    }
    if (query.has("status") && before < times) {
      return end(number("status", 500), query.has("after") ? { "retry-after": query.get("after") ?? "" } : {});
    }
    const changed = before >= number("changed", Number.POSITIVE_INFINITY);
    const whole = bodyOf(url.pathname);
    if (!whole) {
      if (query.has("html")) return end(200, { "content-type": "text/html; charset=utf-8" }, "<!doctype html><p>Hello");
      return end(number("hidden", 404));
    }
    const zip = query.get("gzip");
    const body = zip === "" ? fixed(gzipSync(whole.bytes(0, whole.size), { level: 1 })) : whole;
    const asked = /^bytes=(\d+)-(\d+)$/.exec(line.range ?? "");
    const ranged = asked !== null && !query.has("norange") && zip !== "";
    let from = 0;
    let to = body.size;
    if (ranged) {
      from = Number(asked[1]);
      if (from >= body.size) return end(416, { "content-range": `bytes */${body.size}` });
      to = Math.min(Number(asked[2]) + 1, body.size, from + number("short", Number.POSITIVE_INFINITY));
      response.setHeader("content-range", query.get("contentrange") ?? `bytes ${from}-${to - 1}/${body.size}`);
    }
    if (zip === "" || (zip === "range" && ranged)) response.setHeader("content-encoding", "gzip");
    if (query.get("validators") !== "none") response.setHeader("etag", changed ? '"second"' : '"first"');
    if (!query.has("nolength")) response.setHeader("content-length", to - from);
    line.status = ranged ? 206 : 200;
    response.writeHead(line.status, { "content-type": "application/octet-stream" });
    const cut = before < times ? number("cut", Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    const stall = before < times ? number("stall", Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    const stop = Math.min(to, from + cut, from + stall);
    for (let at = from; at < stop && line.open; at += PIECE) {
      const piece = body.bytes(at, Math.min(at + PIECE, stop));
      line.sent += piece.length;
      if (query.has("pace")) await new Promise((resolve) => setTimeout(resolve, number("pace", 0)));
      const flows = response.write(changed ? piece.map((byte) => byte ^ 0xff) : piece);
      if (!flows && line.open) {
        await new Promise<void>((resolve) => {
          const go = () => resolve(void response.off("drain", go).off("close", go));
          response.on("drain", go).on("close", go);
        });
      }
    }
    if (stop === to) response.end();
    else if (cut <= stall) setTimeout(() => response.destroy(), TAKEN_MS);
  }
}

/** Starts it as a process of its own, in Node whatever this engine is; it ends with this one. @returns its URL */
export async function startServer(): Promise<string> {
  const child = spawn("node", ["--import", "tsx", fileURLToPath(import.meta.url)], {
    cwd: inProject("."),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const base = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with code ${code}`)));
    child.stdout.once("data", (line) => resolve(String(line).trim()));
  });
  for (const part of [child, child.stdin, child.stdout]) (part as { unref?(): void }).unref?.();
  return base;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(await listen());
  process.stdin.on("end", () => process.exit()).resume();
}
