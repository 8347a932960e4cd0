import { estimate, inspect, loadPhi, SourceError, urlSource } from "../../src/index.ts";
import { quantizeCheckpoint } from "../../src/quantize/index.ts";
import { Starts } from "../../src/source/http-start.ts";
import { bytesSink } from "../../src/source/index.ts";
import { filesOf, phiTinyFolder } from "../fixtures.ts";
import { suite } from "../harness.ts";

/** A server without a network, that logs what it is asked for. */
function serverOf(files: ReadonlyMap<string, Uint8Array>) {
  const log: { name: string; from: number; to: number }[] = [];
  let version = 1;
  const fetch = async (url: string, { headers }: RequestInit): Promise<Response> => {
    const name = new URL(url).pathname.slice(1);
    const bytes = files.get(name);
    if (!bytes) return new Response(null, { status: 404 });
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(new Headers(headers).get("range") ?? "") ?? [];
    const [from, to] = [Number(first), Math.min(Number(last) + 1, bytes.length)];
    log.push({ name, from, to });
    const range = `bytes ${from}-${to - 1}/${bytes.length}`;
    return new Response(bytes.slice(from, to), {
      status: 206,
      headers: { "content-range": range, etag: `${version}` },
    });
  };
  return { fetch, log, change: () => void version++ };
}

const HOST = "http://nowhere.invalid";

suite("source/http-start", async ({ test, assert, engine }) => {
  const folder = phiTinyFolder(engine);
  const packed = new Map<string, Uint8Array>();
  await quantizeCheckpoint(folder, bytesSink(packed), { fast: true, file: "packed.safetensors" });
  const tiny = await filesOf(engine, "models/phi-tiny", (name) => /\.(json|safetensors)$/.test(name));
  const gguf = await engine.read("test/fixtures/golden/gguf-phi-4-mini/model.Q8_0.gguf");
  const files = new Map<string, Uint8Array>([...packed, ...tiny, ["model.gguf", gguf]]);

  for (const name of ["packed.safetensors", "model.safetensors", "model.gguf"]) {
    test(`${name} by its URL: its first 64 KiB are asked for once, whether it is loaded, estimated or inspected`, async () => {
      for (const look of [
        async (url: string, options: object) => (await loadPhi(url, options)).dispose(),
        (url: string, options: object) => estimate(url, options),
        (url: string, options: object) => inspect(url, options),
      ]) {
        const { fetch, log } = serverOf(files);
        await look(`${HOST}/${name}`, { fetch });
        const asked = log.filter((request) => request.name === name);
        assert.equal(asked.filter(({ from }) => from < 2 ** 16).length, 1);
      }
    });
  }

  test("progress of a packed file by its URL equals its total at the end, and not before", async () => {
    const { fetch } = serverOf(files);
    const told: { loaded: number; total: number }[] = [];
    const phi = await loadPhi(`${HOST}/packed.safetensors`, { fetch, onProgress: (progress) => told.push(progress) });
    await phi.dispose();
    assert.ok(told.length > 1);
    for (const [i, { loaded, total }] of told.entries()) assert.equal(loaded === total, i === told.length - 1);
  });

  test("a file that was opened is asked for again after 30 s, and at once when it has turned out to be another", async () => {
    const { fetch, log, change } = serverOf(files);
    const requests = { fetch, headers: new Headers(), origin: HOST, timeoutMs: 1000 };
    let now = 0;
    const starts = new Starts(requests, () => now);
    const { signal } = new AbortController();
    const look = () => starts.of(`${HOST}/model.safetensors`, signal);
    assert.deepEqual([(await look()).asked, (await look()).asked], [true, false]);
    now = 29_999;
    assert.equal((await look()).asked, false);
    now = 30_000;
    assert.equal((await look()).asked, true);
    assert.equal(log.length, 2);

    const source = urlSource(`${HOST}/`, { fetch });
    const before = await source.open("model.safetensors");
    change();
    const again = await source.open("model.safetensors");
    assert.equal(log.length, 3);
    await assert.rejects(again.read(100_000, 10), SourceError, /changed/);
    const after = await source.open("model.safetensors");
    await after.read(100_000, 10);
    await assert.rejects(before.read(100_000, 10), SourceError, /changed/);
  });

  test("starts of four files are kept, those that were opened last", async () => {
    const { fetch, log } = serverOf(new Map(Array.from("abcde", (name) => [name, new Uint8Array(10)])));
    const starts = new Starts({ fetch, headers: new Headers(), origin: HOST, timeoutMs: 1000 });
    const { signal } = new AbortController();
    for (const name of "abcdebcdea") await starts.of(`${HOST}/${name}`, signal);
    assert.equal(log.map(({ name }) => name).join(""), "abcdea");
  });

  test("an opening that was aborted before it began asks for nothing, though the start is here", async () => {
    const { fetch, log } = serverOf(files);
    const source = urlSource(`${HOST}/`, { fetch });
    await source.open("model.safetensors");
    await assert.rejects(
      source.open("model.safetensors", { signal: AbortSignal.abort(new Error("no more")) }),
      Error,
      /no more/,
    );
    assert.equal(log.length, 1);
  });
});
