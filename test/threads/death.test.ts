import { startWorker } from "#platform";
import { helperCode } from "#worker-code";
import { Engine } from "../../src/generate/engine.ts";
import { localBackend } from "../../src/generate/local.ts";
import { loadPhi, type PhiError, WorkerError, type WorkerLike } from "../../src/index.ts";
import { chooseKernels } from "../../src/kernels/choose.ts";
import { fillModel } from "../../src/load/load.ts";
import { loadModel } from "../../src/load/load-model.ts";
import { inspectModel } from "../../src/load/plan-model.ts";
import { LoadMeter } from "../../src/load/progress.ts";
import { Tensor } from "../../src/tensor/index.ts";
import { assembleBy, helpersBy } from "../../src/threads/index.ts";
import { phiTinyFolder } from "../fixtures.ts";
import { suite, unless } from "../harness.ts";
import { EVERY, FORMS, place } from "../kernels/kinds.ts";
import { bothCodes, type Crewed, crewOf, noThreads } from "./crew.ts";

/**
 * A helper that says it is there, claims all of the first job it sees (the words are those of kernels/wasm/crew.ts), tells so at byte 1000, and then
 * does `what`.
 */
const claimer = (what: string) => `var phiTsWorker = { serve(port) {
  const listen = (f) => port.on ? port.on("message", f) : port.addEventListener("message", (e) => f(e.data));
  listen(({ places }) => {
    port.postMessage({ kind: "helping", holdsLock: false });
    const tickets = new BigInt64Array(places[0].memory.buffer, 64, 1);
    for (;;) {
      const ticket = Atomics.load(tickets, 0);
      const left = ticket & 0xffffffffn;
      if (left > 0n && Atomics.compareExchange(tickets, 0, ticket, ticket - left) === ticket) break;
    }
    ${what}
  });
} };`;

const END = "globalThis.process ? process.exit(3) : close();";

suite("threads/death", ({ test, assert, engine }) => {
  const here = unless(noThreads(engine, true), test);
  const [form] = FORMS;

  /** A job of many units, of which the leader does not get all before a helper has claimed some. */
  function work({ arenas: [arena], kernels: [k] }: Crewed): Float32Array {
    const mark = arena.mark();
    const [out, x, y] = [0, 1, 2].map((v) => place(arena, [60_000, 2], new Float32Array(120_000).fill(v)));
    try {
      k.add(out, x, y);
      return out.f32.slice();
    } finally {
      arena.release(mark);
    }
  }

  /** Works until a helper has claimed something, which is soon; then the error. */
  function untilLost(crew: Crewed): unknown {
    try {
      for (let i = 0; i < 10_000; i++) assert.ok(work(crew).every((sum) => sum === 3));
    } catch (error) {
      return error;
    }
    throw new Error("nothing was lost");
  }

  for (const [what, code, message] of [
    ["ends", claimer(END), engine.name === "node" ? /has ended/ : /has ended|nothing was done/],
    ["never finishes it", claimer("for (;;);"), /nothing was done for 0\.2 s/],
  ] as const)
    here(
      `a helper that has claimed work and ${what}: one WorkerError worker_died from this call on, no hang, no wrong number`,
      async () => {
        const crew = crewOf(form, 2, { code, naps: 10 });
        await crew.start();
        const error = untilLost(crew) as PhiError;
        assert.ok(error instanceof WorkerError, String(error));
        assert.equal(error.code, "worker_died");
        assert.ok(message.test(error.message), error.message);
        assert.equal(
          assert.throws(() => work(crew), WorkerError),
          error,
        );
        assert.equal(
          assert.throws(() => work(crew), WorkerError),
          error,
        );
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.deepEqual(crew.losses, [error]);
      },
    );

  here("a helper whose kernel traps: the same, with what it was", async () => {
    const crew = crewOf(form, 2);
    // Scratch past the end of the memory, which packing writes to.
    crew.setups[0].places[0].scratch = 0xfff0000;
    await crew.start();
    const [arena] = crew.arenas;
    const src = place(arena, [800, 32], new Float32Array(800 * 32).fill(1));
    const matrix = {
      format: "q4",
      rows: 800,
      cols: 32,
      ptr: arena.alloc(800 * 18),
      arena,
      byteLength: 800 * 18,
    } as const;
    const pack = () => {
      for (let i = 0; i < 10_000; i++) crew.kernels[0].packRows(matrix, 0, src);
    };
    const error = assert.throws(pack, WorkerError) as PhiError;
    assert.equal(error.code, "worker_died");
    assert.equal(assert.throws(pack, WorkerError), error);
  });

  here("a trap of the leader's own is a WorkerError with the trap as its cause, and ends the crew", () => {
    const crew = crewOf(form, 2);
    const [arena] = crew.arenas;
    const beyond = {
      format: "q4",
      rows: 8000,
      cols: 320,
      ptr: arena.byteLength - 144,
      arena,
      byteLength: 144,
    } as const;
    const src = Tensor.alloc(arena, "bf16", [800, 320]);
    const error = assert.throws(() => crew.kernels[0].packRows(beyond, 0, src), WorkerError) as PhiError;
    assert.equal(error.code, "worker_died");
    assert.ok((error.cause as Error) instanceof WebAssembly.RuntimeError);
    assert.equal(
      assert.throws(() => work(crew), WorkerError),
      error,
    );
  });

  here(
    "helpers that fail at once, are none, or cannot be made: ready rejects with WorkerError worker_start; the leader goes on alone",
    async () => {
      for (const [code, message] of [
        ['throw new Error("no such thing")', /could not be started.*no such thing/],
        [`var phiTsWorker = { serve() { ${END} } };`, /could not be started/],
      ] as const) {
        const crew = crewOf(form, 3, { code });
        const error = await assert.rejects(crew.start(), WorkerError, message);
        assert.equal((error as PhiError).code, "worker_start");
        assert.ok(work(crew).every((sum) => sum === 3));
        assert.equal(crew.losses.length, 0);
      }
      const crew = crewOf(form, 2);
      crew.setups[0].module = {};
      await assert.rejects(crew.start(), WorkerError, /could not be started/);
    },
  );

  here(
    "a helper terminated between jobs, while others sleep: told to the leader at the next turn; until then its work is right",
    async () => {
      const crew = crewOf(form, 3);
      await crew.start();
      work(crew);
      crew.workers[0].terminate();
      await new Promise<void>((resolve) => {
        const look = () => (crew.losses.length > 0 ? resolve() : setTimeout(look, 5));
        look();
      });
      const error = assert.throws(() => work(crew), WorkerError);
      assert.deepEqual(crew.losses, [error]);
    },
  );

  const tiny = phiTinyFolder(engine);

  here(
    "helpers that nobody asked for by number and that cannot be started: one thread works, and a notice says why",
    async () => {
      const inspected = await inspectModel(tiny, { threads: 2 });
      const start = helpersBy(() => {
        throw new Error("refused by policy");
      });
      const auto = { ...inspected, threading: { ...inspected.threading, wanted: "auto" as const } };
      const meter = new LoadMeter(undefined);
      const { decoder, threads, notices, contextSize } = await fillModel(auto, chooseKernels("auto", EVERY), meter, {
        assemble: assembleBy(start),
      });
      assert.equal(threads, 1);
      assert.deepEqual(
        notices.map((n) => n.code),
        ["one_thread"],
      );
      assert.ok(/refused by policy/.test(notices[0].message), notices[0].message);
      const backend = localBackend(new Engine(decoder, contextSize));
      assert.equal((await backend.forward([1, 2, 3], "last", {})).length, decoder.config.vocabSize);
      await backend.dispose();
      await inspected.files.close();
    },
  );

  unless(noThreads(engine), test)(
    "off-thread: a helper that cannot be started, beside one that can: loadPhi rejects with WorkerError worker_start and ends all",
    async () => {
      const workers: WorkerLike[] = [];
      const worker = () => {
        const made = startWorker(workers.length < 2 ? bothCodes() : 'throw new Error("no such thing")');
        workers.push(made);
        return made;
      };
      const error = await assert.rejects(loadPhi(tiny, { worker, threads: 3 }), WorkerError, /no such thing/);
      assert.equal((error as PhiError).code, "worker_start");
    },
  );

  const prompt = Array.from({ length: 300 }, (_, i) => i);

  here(
    "in-thread: a helper of a model terminated while it is idle, within a call and before its first: every call rejects with one error, dispose() works",
    async () => {
      for (const phase of ["idle", "within", "at once"] as const) {
        const workers: WorkerLike[] = [];
        const start = () => {
          const worker = startWorker(helperCode());
          workers.push(worker);
          return worker;
        };
        const { decoder, contextSize } = await loadModel(tiny, { threads: 3 }, undefined, helpersBy(start));
        const backend = localBackend(new Engine(decoder, contextSize));
        const sequence = await backend.sequence("auto");
        const kill = () => void workers[1].terminate();
        const calls: Promise<unknown>[] = [];
        if (phase !== "within") kill();
        if (phase === "idle") await new Promise((resolve) => setTimeout(resolve, 100));
        calls.push(sequence.forward(prompt, "last", { onProgress: kill }));
        calls.push(backend.forward(prompt, "last", {}), sequence.forward(prompt, "last", {}));
        const errors = await Promise.all(calls.map((call) => assert.rejects(call, WorkerError)));
        errors.push(await assert.rejects(backend.forward([1], "last", {}), WorkerError));
        errors.push(assert.throws(() => backend.check(), WorkerError));
        errors.push(assert.throws(() => sequence.check(), WorkerError));
        for (const error of errors) assert.equal(error, errors[0], phase);
        assert.equal((errors[0] as PhiError).code, "worker_died");
        await backend.dispose();
        assert.throws(() => backend.check(), WorkerError);
      }
    },
  );

  unless(noThreads(engine), test)(
    "off-thread: a helper terminated while idle, in a prompt, and during loading: every call rejects with WorkerError worker_died",
    async () => {
      for (const phase of ["loading", "idle", "prefill"] as const) {
        const workers: WorkerLike[] = [];
        const worker = () => {
          const made = startWorker(bothCodes());
          workers.push(made);
          return made;
        };
        const kill = () => workers[1]?.terminate();
        const onProgress = ({ tensor }: { tensor?: string }) => void (phase === "loading" && tensor && kill());
        const loading = loadPhi(tiny, { worker, threads: 3, onProgress });
        if (phase === "loading") {
          await assert.rejects(loading, WorkerError, /helper thread/);
          continue;
        }
        const phi = await loading;
        assert.equal(phi.threads, 3);
        if (phase === "idle") kill();
        const onPrefill = () => void kill();
        const calls = [
          // Some engines tell of an end at once: then the call itself throws.
          async () => phi.generate(prompt, { onPrefill, ignoreEos: true }).result(),
          () => phi.forward(prompt),
          () => phi.forward([1]),
        ].map((call) => call());
        for (const call of calls) call.catch(() => {});
        const error = await assert.rejects(calls[0], WorkerError, /helper thread/);
        assert.equal((error as PhiError).code, "worker_died");
        await assert.rejects(phi.forward([1]), WorkerError);
        await phi.dispose();
      }
    },
  );
});
