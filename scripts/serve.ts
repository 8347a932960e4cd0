// A small static server: a folder over HTTP on this machine only, with Range requests and the MIME types of a page with WASM and models.
//   node --import tsx scripts/serve.ts FOLDER [--port N]
// It sends no headers of cross-origin isolation: what works here works on any host of plain files.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, resolve, sep } from "node:path";
import { pipeline } from "node:stream";
import { fileURLToPath } from "node:url";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".md": "text/plain; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".wasm": "application/wasm",
};

export interface ServeOptions {
  /** Default 0: a free one. */
  port?: number;
  /** The path under which the folder stands. Default "/". */
  base?: string;
  /** Added to every answer. */
  headers?: Record<string, string>;
  /** Says whether the folder has a file that it has, by its path in it. Default: yes. */
  has?: (path: string) => boolean;
}

export interface Server {
  /** Of the folder, with a slash at its end. */
  url: string;
  close(): Promise<void>;
}

/** Serves `folder` on 127.0.0.1 until `close()` is called. */
export async function serve(folder: string, options: ServeOptions = {}): Promise<Server> {
  const { port = 0, base = "/", headers = {}, has = () => true } = options;
  const root = resolve(folder) + sep;
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const path = pathOf(request.url ?? "", base);
    answer(root, path !== undefined && has(path) ? path : undefined, request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else refuse(response, 500, "this could not be read");
    });
  });
  await new Promise<void>((listening, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", listening);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`,
    close() {
      server.closeAllConnections();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}

/** @param path in the folder; undefined: nothing that is there */
async function answer(
  root: string,
  path: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    return refuse(response, 405, "only GET and HEAD are answered");
  }
  // join() has resolved every "..": what is left must still be in the folder.
  const file = path === undefined ? "" : join(root, path);
  const info = file.startsWith(root) ? await stat(file).catch(() => undefined) : undefined;
  if (!info?.isFile()) return refuse(response, 404, "there is no such file");
  response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
  response.setHeader("accept-ranges", "bytes");
  response.setHeader("cache-control", "no-cache");
  response.setHeader("x-content-type-options", "nosniff");
  const range = rangeOf(request.headers.range, info.size);
  if (range === "outside") {
    response.setHeader("content-range", `bytes */${info.size}`);
    return refuse(response, 416, "that range is not in the file");
  }
  const { start, end } = range ?? { start: 0, end: info.size - 1 };
  if (range) response.setHeader("content-range", `bytes ${start}-${end}/${info.size}`);
  response.setHeader("content-length", end - start + 1);
  response.writeHead(range ? 206 : 200);
  if (request.method === "HEAD" || info.size === 0) response.end();
  // A reader may leave in the middle: that is no error here.
  else pipeline(createReadStream(file, { start, end }), response, () => {});
}

/** The file's path below the base, or undefined for what is not below it. */
function pathOf(url: string, base: string): string | undefined {
  try {
    const path = decodeURIComponent(url.split(/[?#]/)[0]);
    if (!path.startsWith(base) || path.includes("\0")) return undefined;
    const rest = path.slice(base.length);
    return rest === "" || rest.endsWith("/") ? `${rest}index.html` : rest;
  } catch {
    return undefined;
  }
}

/** One range of bytes (RFC 9110, section 14.1.2). A header that is malformed or asks for several is as good as none. */
function rangeOf(header = "", size: number): { start: number; end: number } | "outside" | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === undefined || (first === "" && last === "")) return undefined;
  if (first === "") return Number(last) === 0 ? "outside" : { start: Math.max(0, size - Number(last)), end: size - 1 };
  if (last !== "" && Number(last) < Number(first)) return undefined;
  if (Number(first) >= size) return "outside";
  return { start: Number(first), end: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.writeHead(status);
  response.end(`${status}: ${why}\n`);
}

/** Serves until Ctrl-C, and says where. @param args of the command line: --port N */
export async function serveCommand(folder: string, args: readonly string[]): Promise<void> {
  const at = args.indexOf("--port");
  const port = at < 0 ? 0 : Number(args[at + 1] || "none");
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    console.error(`--port takes a number from 0 (a free one) to 65535; got ${args[at + 1] ?? "nothing"}`);
    process.exit(2);
  }
  const server = await serve(folder, { port }).catch((error: NodeJS.ErrnoException) => {
    console.error(error.code === "EADDRINUSE" ? `port ${port} is taken; without --port a free one is found` : error);
    process.exit(1);
  });
  console.log(`${server.url}   (Ctrl-C ends it)`);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => server.close().then(() => process.exit(0)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, ...args] = process.argv.slice(2);
  if (folder === undefined || folder.startsWith("-")) {
    console.error("usage: node --import tsx scripts/serve.ts FOLDER [--port N]");
    process.exit(2);
  }
  await serveCommand(folder, args);
}
