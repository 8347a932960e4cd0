import { startWorker } from "#platform";
import { helperCode, workerCode } from "#worker-code";
import { checked } from "../../src/kernels/checked.ts";
import { SCRATCH_BYTES } from "../../src/kernels/crew.ts";
import type { Operations } from "../../src/kernels/index.ts";
import { REST } from "../../src/kernels/rest.ts";
import { sharedKernels } from "../../src/kernels/shared.ts";
import { simdKernels } from "../../src/kernels/simd.ts";
import { instantiate, moduleOf, variantOf } from "../../src/kernels/wasm-module.ts";
import type { WorkerLike } from "../../src/port/port.ts";
import { Arena } from "../../src/tensor/index.ts";
import { helpersBy, Leader } from "../../src/threads/index.ts";
import type { Engine } from "../harness.ts";
import { EVERY, type Form } from "../kernels/kinds.ts";

/** Why several threads cannot work for a model on this engine at all; or, `here`, with this thread as their leader. */
export function noThreads({ name, features }: Engine, here = false): string | undefined {
  if (!features.workers) return `${name} has no workers`;
  if (!features.sharedMemory) return `${name} shares no memory here`;
  return here && !features.waits ? `${name}'s page may not wait for other threads` : undefined;
}

/** As src/worker/main.ts: the first message says whether it is to be an engine or a helper. */
export function bothCodes(): string {
  const both = `${workerCode()}; const engine = phiTsWorker; ${helperCode()}; const helper = phiTsWorker;`;
  return `${both} phiTsWorker = { serve(port) { engine.serve(port); helper.serve(port); } };`;
}

/** Everything is shared, one unit at a time. */
const ALL = { products: 0, leastProducts: 0, numbers: 0, leastNumbers: 0 };

export interface Crewed {
  leader: Leader;
  arenas: Arena[];
  /** The operations on each arena. */
  kernels: Operations[];
  /** What each helper is started with; changed by tests that send it astray. */
  setups: ReturnType<Leader["setups"]>;
  /** The helpers' threads, once they are started. */
  workers: WorkerLike[];
  /** What the leader was told to have lost. */
  losses: Error[];
  start(): Promise<void>;
}

/** A crew over `count` arenas, whose helpers are not started yet. @param code of the helpers @param naps as of Leader */
export function crewOf(
  { build, form }: Form,
  threads: number,
  {
    count = 1,
    megabytes = 4,
    code = helperCode(),
    naps,
  }: { count?: number; megabytes?: number; code?: string; naps?: number } = {},
): Crewed {
  const losses: Error[] = [];
  const leader = new Leader(threads, (error) => losses.push(error), naps);
  const module = moduleOf(variantOf(build, true), EVERY);
  const arenas = Array.from({ length: count }, () => new Arena(megabytes << 20, { name: "crew", shared: true }));
  const kernels = arenas.map((arena) => {
    const helperScratch = Array.from({ length: threads - 1 }, () => arena.alloc(SCRATCH_BYTES));
    const exports = instantiate(arena, variantOf(build, true), module);
    const place = { arena, module, exports, helperScratch };
    const alone = simdKernels(exports, form, REST);
    return checked(arena, sharedKernels(place, alone, form, leader, ALL), REST);
  });
  const workers: WorkerLike[] = [];
  const setups = leader.setups();
  const start = async () => {
    const one = () => {
      const worker = startWorker(code);
      workers.push(worker);
      return worker;
    };
    leader.takeOn(helpersBy(one)(setups, (error) => leader.lose(error)));
    await leader.ready();
  };
  return { leader, arenas, kernels, setups, workers, losses, start };
}
