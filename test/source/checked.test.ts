import { openSafetensors, writeSafetensors } from "../../src/formats/safetensors/index.ts";
import { bytesSource, FormatError, loadPhi, type Source, SourceError, type SourceFile } from "../../src/index.ts";
import { loadTokenizer } from "../../src/tokenizer/index.ts";
import { openPhiTiny } from "../api/phi-tiny.ts";
import { suite } from "../harness.ts";

const read = (how: (file: SourceFile, ...range: Parameters<SourceFile["read"]>) => unknown) => ({
  file: (file: SourceFile) => ({ read: async (...range: Parameters<SourceFile["read"]>) => how(file, ...range) }),
});

suite("source/checked", async ({ test, assert, engine }) => {
  const { files } = await openPhiTiny(engine);

  /** phi-tiny from a source of somebody else's, some methods of which are replaced. */
  function other(change: { source?: object; file?: (file: SourceFile) => object }): Source {
    const good = files();
    const open = async (name: string) => {
      const file = await good.open(name);
      return { size: file.size, read: file.read, ...change.file?.(file) } as SourceFile;
    };
    return { list: good.list, open, ...change.source } as Source;
  }

  const broken: [string, Source, RegExp][] = [
    ["list() gives no array", other({ source: { list: async () => "config.json" } }), /list\(\).*an array/],
    ["list() gives nothing", other({ source: { list: async () => undefined } }), /list\(\).*undefined/],
    ["list() gives entries that are no names", other({ source: { list: async () => [{ name: "a" }] } }), /list\(\)/],
    ["open() gives nothing", other({ source: { open: async () => undefined } }), /open\(\).*undefined/],
    ["a file has no read()", other({ file: () => ({ read: undefined }) }), /open\(\)/],
    ["a size is a text", other({ file: ({ size }) => ({ size: String(size) }) }), /open\(\)/],
    ["a size is a fraction", other({ file: () => ({ size: 1.5 }) }), /size.*1\.5/],
    ["a size is NaN", other({ file: () => ({ size: Number.NaN }) }), /size.*NaN/],
    ["a size is negative", other({ file: () => ({ size: -1 }) }), /size.*-1/],
    ["read() gives nothing", other(read(() => undefined)), /read\(0, \d+\).*undefined/],
    ["read() gives an array", other(read(() => [1, 2, 3])), /read\(/],
    ["read() gives fewer bytes", other(read((file, at, n) => file.read(at, n - 1))), /read\(0, (\d+)\).*expected.*\1/],
    ["read() gives more bytes", other(read(async (_, __, n) => new Uint8Array(n + 1))), /read\(/],
  ];
  for (const [what, source, message] of broken) {
    test(`a source of which ${what} is a SourceError bad_source, in loadPhi, openSafetensors and loadTokenizer`, async () => {
      for (const run of [loadPhi, openSafetensors, loadTokenizer]) {
        const error = await assert.rejects((run as (source: Source) => Promise<unknown>)(source), SourceError, message);
        assert.equal((error as SourceError).code, "bad_source");
      }
    });
  }

  test("a source that hands out bytes of its own, at any address, and leaves `into` alone, loads the same model", async () => {
    const odd = other(
      read(async (file, at, n) => {
        const room = new Uint8Array(n + 3);
        room.set(await file.read(at, n), 3);
        return room.subarray(3);
      }),
    );
    const logits: Float32Array[] = [];
    for (const source of [files(), odd]) {
      const phi = await loadPhi(source);
      logits.push(await phi.forward([1, 2, 3]));
      await phi.dispose();
    }
    assert.deepEqual(logits[1], logits[0]);
    const bytes = writeSafetensors({ x: { dtype: "BF16", shape: [3], data: Uint16Array.of(0x3f80, 0x4000, 0x4040) } });
    const slow = { size: bytes.length, read: async (at: number, n: number) => bytes.slice(at, at + n) };
    assert.deepEqual([...(await (await openSafetensors(slow)).toFloat32("x"))], [1, 2, 3]);
  });

  test("an abort does not wait for a source that never answers, and a file that opens too late is closed", async () => {
    const never = new Promise<never>(() => {});
    let closed = 0;
    const close = async () => void closed++;
    const late = other({
      source: { open: () => new Promise((resolve) => setTimeout(resolve, 20, { size: 1, read: () => never, close })) },
    });
    for (const source of [other({ source: { list: () => never } }), late, other(read(() => never))]) {
      const control = new AbortController();
      const loading = loadPhi(source, { signal: control.signal });
      setTimeout(() => control.abort("enough"));
      assert.equal(await assert.rejects(loading), "enough");
    }
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.equal(closed, 1);
  });

  test("a file of somebody else's source is asked for one piece after the other, in the order of the weights, and for none after its close", async () => {
    for (const failAt of [Infinity, 5_000_000]) {
      let reading = 0;
      let most = 0;
      let closed = false;
      let late = false;
      const offsets: number[] = [];
      const watched: SourceFile["read"] = async (at, n, into) => {
        late ||= closed;
        offsets.push(at);
        most = Math.max(most, ++reading);
        await new Promise((resolve) => setTimeout(resolve));
        reading--;
        if (at > failAt) throw new Error("gone");
        return weights.read(at, n, into);
      };
      const weights = await files().open("model.safetensors");
      const close = async () => {
        closed = true;
      };
      const source = other({ file: (file) => (file.size === weights.size ? { read: watched, close } : {}) });
      if (failAt === Infinity) await (await loadPhi(source)).dispose();
      else await assert.rejects(loadPhi(source), Error, /gone/);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(most, 1);
      assert.ok(closed && !late && offsets.length > 10);
      assert.deepEqual(
        offsets,
        [...offsets].sort((a, b) => a - b),
      );
    }
  });

  test("files that should be small are not read if they are not: config.json above 4 MiB, other texts above 256 MiB", async () => {
    const zipped = bytesSource({ "tokenizer.json.gz": new Uint8Array(1) });
    const large = (source: Source, name: string, size: number): Source => ({
      list: source.list,
      async open(wanted) {
        const file = await source.open(wanted);
        const read = () => Promise.reject(new Error("it was read"));
        return wanted === name ? { size, read } : file;
      },
    });
    for (const [name, size, source, run] of [
      ["config.json", 2 ** 22 + 1, files(), loadPhi],
      ["tokenizer.json", 2 ** 28 + 1, files(), loadPhi],
      ["tokenizer.json.gz", 2 ** 28 + 1, zipped, loadTokenizer],
    ] as const) {
      const error = await assert.rejects(run(large(source, name, size)), FormatError, new RegExp(`${name}.*${size}`));
      assert.equal((error as FormatError).code, "too_large");
    }
  });

  test("what a source throws itself passes as it is", async () => {
    const own = new Error("offline");
    const source = other({
      source: {
        list: async () => {
          throw own;
        },
      },
    });
    for (const run of [loadPhi, openSafetensors, loadTokenizer]) {
      assert.equal(await assert.rejects((run as (source: Source) => Promise<unknown>)(source)), own);
    }
  });

  test("every file that was opened is closed once: after loading, after a failure, after an abort at any block", async () => {
    let open = 0;
    const counted = (change: (file: SourceFile) => object = () => ({})) => {
      const good = files();
      const source: Source = {
        list: good.list,
        async open(name) {
          const file = await good.open(name);
          open++;
          const close = async () => void open--;
          return { size: file.size, read: file.read, close, ...change(file) };
        },
      };
      return source;
    };
    let events = 0;
    await (await loadPhi(counted(), { onProgress: () => events++ })).dispose();
    assert.equal(open, 0);
    assert.ok(events > 10);
    for (let at = 1; at <= events; at += at < 4 ? 1 : Math.ceil(events / 4)) {
      const control = new AbortController();
      let seen = 0;
      const onProgress = () => ++seen === at && control.abort("enough");
      assert.equal(await assert.rejects(loadPhi(counted(), { onProgress, signal: control.signal })), "enough");
      assert.equal(open, 0, `aborted at ${at}`);
    }
    const last = new AbortController();
    const onProgress = ({ loaded, total }: { loaded: number; total: number }) => loaded === total && last.abort("late");
    assert.equal(await assert.rejects(loadPhi(counted(), { onProgress, signal: last.signal })), "late");
    const fails = (file: SourceFile) => ({
      read: (at: number, n: number, into?: Uint8Array) =>
        at > 5_000_000 ? Promise.reject(new SourceError({ what: "gone" })) : file.read(at, n, into),
    });
    await assert.rejects(loadPhi(counted(fails)), SourceError, /gone/);
    await assert.rejects(loadPhi(counted(), { contextSize: 1e6 }));
    assert.equal(open, 0);
  });
});
