import { FormatError, loadPhi, PhiError, type Source, SourceError, type SourceFile } from "../../src/index.ts";
import { REST } from "../../src/kernels/rest.ts";
import { moduleBytes } from "../../src/kernels/wasm-module.ts";
import { MODES, noMode, openPhiTiny } from "../api/phi-tiny.ts";
import { suite, unless } from "../harness.ts";

suite("worker/files", async ({ test: every, assert, engine }) => {
  const { files } = await openPhiTiny(engine);
  const test = unless(noMode(MODES[1], engine), every);

  /** phi-tiny's files, each call of which passes `on` first; `open` counts what is not closed. */
  function watched(on: (call: string, n: number) => unknown) {
    const source = files();
    const state = { calls: 0, open: 0 };
    const file = (inner: SourceFile, name: string): SourceFile => ({
      size: inner.size,
      async read(offset, length, into) {
        await on(`read ${name}`, ++state.calls);
        return inner.read(offset, length, into);
      },
      async close() {
        state.open--;
      },
    });
    const own: Source = {
      async list() {
        await on("list", ++state.calls);
        return (await source.list?.()) ?? [];
      },
      async open(name) {
        await on(`open ${name}`, ++state.calls);
        state.open++;
        return file(await source.open(name), name);
      },
    };
    return { own, state };
  }

  test("a source of the user's own is read for the worker, its files are closed, and the logits are those of in-thread", async () => {
    const far = watched(() => {});
    const near = await loadPhi(files());
    const phi = await loadPhi(far.own, { worker: true });
    assert.equal(far.state.open, 0);
    assert.deepEqual(await phi.forward([1, 2, 3], { logits: "all" }), await near.forward([1, 2, 3], { logits: "all" }));
    await phi.dispose();
    await near.dispose();
  });

  test("modules of the kernels given by option wasm are handed on to the worker", async () => {
    const wasm = await WebAssembly.compile(moduleBytes("strict", REST));
    const phi = await loadPhi(files(), { worker: true, wasm, kernels: "strict" });
    assert.equal(phi.kernels, "strict");
    await phi.dispose();
    const wrong = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
    await assert.rejects(loadPhi(files(), { worker: true, wasm: wrong, kernels: "strict" }), PhiError);
  });

  test("a source without list() is read by the names alone", async () => {
    const source = files();
    const phi = await loadPhi({ open: (name) => source.open(name) }, { worker: true });
    assert.ok(/42/.test((await phi.chat("What is 12 + 30?").result()).text));
    await phi.dispose();
  });

  test("what the source throws, at any call and error or not, is what loadPhi rejects with, the very same; all files are closed", async () => {
    const { own, state } = watched(() => {});
    await (await loadPhi(own, { worker: true })).dispose();
    const total = state.calls;
    assert.ok(total > 10);
    for (let at = 1; at <= total; at += at < 12 ? 1 : 7) {
      const thrown = at % 2 ? new RangeError(`call ${at}`) : { at };
      const failing = watched((_, n) => {
        if (n === at) throw thrown;
      });
      assert.equal(await assert.rejects(loadPhi(failing.own, { worker: true })), thrown, `call ${at}`);
      assert.equal(failing.state.open, 0, `call ${at}`);
    }
  });

  test("a source that stalls at any call does not hold an abort, which closes all files", async () => {
    for (const at of [1, 2, 4, 8, 16]) {
      const control = new AbortController();
      const reason = { at };
      const { own, state } = watched((_, n) => {
        if (n !== at) return;
        setTimeout(() => control.abort(reason), 1);
        return new Promise(() => {});
      });
      assert.equal(await assert.rejects(loadPhi(own, { worker: true, signal: control.signal })), reason);
      assert.equal(state.open, 0, `call ${at}`);
    }
  });

  test("a source that breaks its contract, and files that break their format, are the errors of in-thread", async () => {
    const source = files();
    const short: Source = {
      ...source,
      async open(name) {
        const file = await source.open(name);
        return name.endsWith(".safetensors") ? { ...file, read: async () => new Uint8Array(3) } : file;
      },
    };
    const messages: string[] = [];
    for (const worker of [false, true]) {
      const error = await assert.rejects(loadPhi(short, { worker }), SourceError, /contract/);
      messages.push((error as Error).message);
      const cut: Source = {
        ...source,
        async open(name) {
          const file = await source.open(name);
          return name.endsWith(".safetensors") ? { ...file, size: file.size - 1 } : file;
        },
      };
      const format = await assert.rejects(loadPhi(cut, { worker }), FormatError);
      const { code, message, file } = format as FormatError;
      messages.push(`${code} ${file} ${message}`);
    }
    assert.deepEqual(messages.slice(2), messages.slice(0, 2));
  });

  test("progress events are those of in-thread; a callback that throws at any of them rejects loadPhi with what it threw", async () => {
    const events = async (worker: boolean) => {
      const list: unknown[] = [];
      await (await loadPhi(files(), { worker, onProgress: (event) => list.push(event) })).dispose();
      return list;
    };
    const here = await events(false);
    assert.deepEqual(await events(true), here);
    for (const at of [1, 3, here.length]) {
      let n = 0;
      const thrown = new RangeError(`event ${at}`);
      const onProgress = () => {
        if (++n === at) throw thrown;
      };
      assert.equal(await assert.rejects(loadPhi(files(), { worker: true, onProgress })), thrown);
      assert.equal(n, at);
    }
  });
});
