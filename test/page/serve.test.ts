import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../../scripts/serve.ts";
import { suite } from "../harness.ts";

suite("page/serve", ({ test, assert }) => {
  /** Serves a folder with a page and ten bytes, beside a file that is none of the server's business. */
  async function served(use: (url: string) => Promise<void>): Promise<void> {
    const above = mkdtempSync(join(tmpdir(), "phi-ts-serve-"));
    const folder = join(above, "page");
    mkdirSync(join(folder, "sub"), { recursive: true });
    writeFileSync(join(above, "secret.txt"), "secret");
    writeFileSync(join(folder, "index.html"), "<p>page");
    writeFileSync(join(folder, "sub/index.html"), "<p>sub");
    writeFileSync(join(folder, "ten.bin"), "0123456789");
    writeFileSync(join(folder, "empty.js"), "");
    const server = await serve(folder, { base: "/some/where/" });
    try {
      await use(server.url);
    } finally {
      await server.close();
      rmSync(above, { recursive: true, force: true });
    }
  }

  const get = (url: string, range?: string) => fetch(url, { headers: range ? { range } : {} });

  test("a folder's index.html stands at the base and below it, with its type, and nothing isolates the page", () =>
    served(async (url) => {
      const page = await get(url);
      assert.equal(await page.text(), "<p>page");
      assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
      assert.equal(page.headers.get("cross-origin-embedder-policy"), null);
      assert.equal(await (await get(`${url}sub/?x=1`)).text(), "<p>sub");
      assert.equal((await get(`${url}empty.js`)).headers.get("content-type"), "text/javascript; charset=utf-8");
    }));

  const RANGES: [range: string, status: number, body: string, contentRange: string | null][] = [
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=-30", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=10-", 416, "416: that range is not in the file\n", "bytes */10"],
    ["bytes=-0", 416, "416: that range is not in the file\n", "bytes */10"],
    ["bytes=4-2", 200, "0123456789", null],
    ["bytes=0-1,4-5", 200, "0123456789", null],
    ["lines=0-1", 200, "0123456789", null],
  ];
  for (const [range, status, body, contentRange] of RANGES) {
    test(`Range: ${range} of ten bytes gives ${status}`, () =>
      served(async (url) => {
        const answer = await get(`${url}ten.bin`, range);
        assert.equal(answer.status, status);
        assert.equal(answer.headers.get("content-range"), contentRange);
        assert.equal(await answer.text(), body);
      }));
  }

  test("HEAD gives the length and no body; other methods are refused", () =>
    served(async (url) => {
      const head = await fetch(`${url}ten.bin`, { method: "HEAD" });
      assert.equal(head.headers.get("content-length"), "10");
      assert.equal(await head.text(), "");
      assert.equal((await fetch(url, { method: "POST" })).status, 405);
    }));

  test("nothing outside of the folder is served, however the path is written", () =>
    served(async (url) => {
      // Not by fetch, which would tidy these paths up before it sends them.
      const status = (path: string) =>
        new Promise<number | undefined>((resolve, reject) => {
          const { hostname, port } = new URL(url);
          request({ hostname, port, path }, (answer) => {
            answer.resume();
            resolve(answer.statusCode);
          })
            .on("error", reject)
            .end();
        });
      assert.equal(await status("/some/where/ten.bin"), 200);
      for (const path of [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "sub/../../secret.txt",
        "..%2fsecret.txt",
        "%",
        "sub",
        "%00",
      ]) {
        assert.equal(await status(`/some/where/${path}`), 404, path);
      }
      assert.equal(await status("/ten.bin"), 404);
    }));
});
