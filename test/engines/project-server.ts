import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pathOf } from "./disk.ts";
import type { Message } from "./remote.ts";

/** Folders whose files suites may read. */
const READABLE = /^(?:models|test\/fixtures|shared)\/(?!.*\.\.)/;

/**
 * A web server for the page of test/engines/page.ts: the page at /, its module, the project's files, and messages that it sends back.
 * @param isolated the page is cross-origin isolated, so that it may share memory with workers
 */
export async function serveProject(module: string, onMessage: (message: Message) => void, isolated = false) {
  const server = createServer((request, response) => {
    if (isolated) {
      response.setHeader("cross-origin-opener-policy", "same-origin");
      response.setHeader("cross-origin-embedder-policy", "require-corp");
    }
    answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://here");
    const path = decodeURIComponent(pathname);
    if (path === "/messages") {
      let body = "";
      for await (const part of request.setEncoding("utf8")) body += part;
      for (const line of body.split("\n")) onMessage(JSON.parse(line) as Message);
      response.end();
    } else if (path === "/") {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end('<!doctype html><title>conformance</title><script type="module" src="/suites.js"></script>');
    } else if (path === "/suites.js") {
      response.setHeader("content-type", "text/javascript; charset=utf-8");
      response.end(module);
    } else await file(path.slice("/project/".length), response);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function file(path: string, response: ServerResponse): Promise<void> {
  const found = READABLE.test(path) ? await stat(pathOf(path)).catch(() => undefined) : undefined;
  if (found?.isDirectory()) {
    const entries = await readdir(pathOf(path), { withFileTypes: true });
    const list = entries.map((entry) => ({ name: entry.name, type: entry.isFile() ? "file" : "directory" }));
    response.setHeader("content-type", "application/json").end(JSON.stringify(list));
  } else if (found?.isFile()) {
    response.setHeader("content-length", found.size);
    createReadStream(pathOf(path)).pipe(response);
  } else response.writeHead(404).end();
}
