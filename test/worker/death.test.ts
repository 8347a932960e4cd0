import { startWorker } from "#platform";
import { workerCode } from "#worker-code";
import { bytesSource, loadPhi, OptionError, type PhiError, WorkerError, type WorkerLike } from "../../src/index.ts";
import { startWorker as startOfTheWeb } from "../../src/platform/web.ts";
import { Connection } from "../../src/worker/connection.ts";
import { PROTOCOL } from "../../src/worker/protocol.ts";
import { phiTinyFolder } from "../fixtures.ts";
import { suite, unless } from "../harness.ts";
import { channel } from "./pair.ts";

/** A worker of the real code, in the tests' own hands. */
function ownWorker() {
  const made: { worker?: WorkerLike } = {};
  const worker = () => {
    made.worker = startWorker(workerCode());
    return made.worker;
  };
  return { worker, kill: () => void made.worker?.terminate() };
}

/** A worker that runs these statements in place of what phi-ts has; `port` is its way to us. */
const workerOf = (statements: string) => () => startWorker(`var phiTsWorker = { serve(port) { ${statements} } };`);

suite("worker/death", ({ test, assert, engine }) => {
  const tiny = phiTinyFolder(engine);
  const threaded = unless(engine.features.workers ? undefined : `${engine.name} has no workers`, test);

  const died = async (work: Promise<unknown> | (() => Promise<unknown>)) => {
    const error = await assert.rejects(work, WorkerError);
    assert.equal((error as PhiError).code, "worker_died");
  };

  threaded(
    "terminated while it loads, before, between and after reads: loadPhi rejects with WorkerError worker_died or worker_start",
    async () => {
      const young = ownWorker();
      const worker = () => {
        setTimeout(young.kill, 0);
        return young.worker();
      };
      await assert.rejects(loadPhi(tiny, { worker }), WorkerError);
      for (const at of ["files", "weights"] as const) {
        const own = ownWorker();
        const onProgress = ({ phase }: { phase: string }) => {
          if (phase === at) own.kill();
        };
        await died(loadPhi(tiny, { worker: own.worker, onProgress }));
      }
    },
  );

  threaded(
    "terminated in prefill, in decoding, and while idle: every pending call and every later one rejects, nothing hangs, dispose() works",
    async () => {
      for (const phase of ["prefill", "decode", "idle"] as const) {
        const { worker, kill } = ownWorker();
        const phi = await loadPhi(tiny, { worker });
        const sequence = await phi.sequence();
        const prompt = Array.from({ length: 900 }, (_, i) => i);
        const pending: Promise<unknown>[] = [];
        if (phase === "prefill") {
          const once = new Promise<void>((resolve) => {
            pending.push(phi.generate(prompt, { onPrefill: () => resolve() }).result(), sequence.forward(prompt));
          });
          for (const call of pending) call.catch(() => {});
          await once;
        }
        const generation = phi.generate([1, 2, 3], { ignoreEos: true });
        if (phase === "decode") {
          for await (const _ of generation) {
            pending.push(generation.result(), phi.forward(prompt), sequence.fork(), phi.sequence());
            for (const call of pending) call.catch(() => {});
            kill();
            break;
          }
        } else kill();
        for (const call of pending) await died(call);
        // Some engines tell of a death a moment later; a call in between is answered with it, too.
        await died(phi.forward([1]));
        await died(sequence.forward([1]));
        assert.throws(() => phi.generate([1]), WorkerError);
        assert.throws(() => phi.chat("Hi"), WorkerError);
        assert.ok(phi.tokenizer.encode("still here").length > 0);
        await sequence.dispose();
        await phi.dispose();
        await phi.dispose();
      }
    },
  );

  threaded("an error thrown in the worker outside of any call is its death, told with its message", async () => {
    const answer = `{ kind: "answer", id: message.id, value: { protocol: ${PROTOCOL} } }`;
    const listen =
      "const on = (f) => port.on ? port.on('message', f) : port.addEventListener('message', (e) => f(e.data));";
    const worker = workerOf(
      `${listen} on((message) => { if (message.type === "hello") port.postMessage(${answer}); else throw new Error("out of cheese"); });`,
    );
    const error = await assert.rejects(loadPhi(tiny, { worker }), WorkerError, /out of cheese/);
    assert.equal((error as PhiError).code, "worker_died");
  });

  threaded(
    "a worker that fails at once, or is none of phi-ts's, is WorkerError worker_start and says what to give",
    async () => {
      const failing = workerOf('throw new Error("no such thing")');
      const error = await assert.rejects(loadPhi(tiny, { worker: failing }), WorkerError, /no such thing/);
      assert.equal((error as PhiError).code, "worker_start");
      const refused = () => {
        throw new TypeError("refused by policy");
      };
      const thrown = await assert.rejects(
        loadPhi(tiny, { worker: refused }),
        WorkerError,
        /refused by policy.*phi-ts\/worker/,
      );
      assert.ok((thrown as Error).cause instanceof TypeError);
      for (const none of [undefined, 3, {}, Promise.resolve({})]) {
        const worker = (() => none) as unknown as () => WorkerLike;
        await assert.rejects(loadPhi(tiny, { worker }), OptionError, /"worker"/);
      }
    },
  );

  test("a worker that never answers is given up after the time that is stated; one of another protocol at once", async () => {
    const silent = channel();
    const connection = new Connection(silent.worker, bytesSource({}), "help", 20);
    const error = await assert.rejects(connection.hello(), WorkerError, /no answer within 0\.02 s.*help/);
    assert.equal((error as PhiError).code, "worker_start");
    assert.ok(silent.worker.terminated);
    const old = channel();
    old.inside.addEventListener("message", ({ data }: { data?: unknown }) => {
      const { id } = data as { id: number };
      old.inside.postMessage({ kind: "answer", id, value: { protocol: 0 } }, []);
    });
    await assert.rejects(new Connection(old.worker, bytesSource({}), "help").hello(), WorkerError, /another version/);
    assert.ok(old.worker.terminated);
  });

  test("where an engine has no workers, starting one is WorkerError no_worker", () => {
    const scope = globalThis as { Worker?: unknown };
    const here = Object.getOwnPropertyDescriptor(scope, "Worker");
    delete scope.Worker;
    try {
      const error = assert.throws(() => startOfTheWeb("0"), WorkerError, /no workers/);
      assert.equal((error as PhiError).code, "no_worker");
    } finally {
      if (here) Object.defineProperty(scope, "Worker", here);
    }
  });

  test("error, messageerror and exit events, and a terminate() by others, end the connection once and with the cause", async () => {
    for (const [name, event] of [
      ["error", { message: "oh" }],
      ["messageerror", {}],
      ["exit", {}],
    ] as const) {
      const { worker } = channel();
      const connection = new Connection(worker, bytesSource({}), "help");
      worker.emit(name, event);
      await assert.rejects(connection.hello(), WorkerError, name === "error" ? /oh/ : undefined);
      await connection.dispose();
      assert.throws(() => connection.peer.check(), WorkerError);
    }
    const { worker } = channel();
    const connection = new Connection(worker, bytesSource({}), "help");
    worker.terminate();
    await assert.rejects(connection.hello(), WorkerError, /terminated/);
  });
});
