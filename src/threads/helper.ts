import { DONE_WORD, FAILED_WORD } from "../kernels/crew.ts";
import { hold } from "../port/life.ts";
import { onMessage, type PortLike } from "../port/port.ts";
import type { WasmMemory } from "../tensor/arena.ts";

/** What a helper is told: the module, and for each arena its memory and where in it this helper has its scratch. */
export interface HelperSetup {
  kind: "help";
  module: object;
  places: { memory: WasmMemory; scratch: number }[];
  /** What it is to hold for as long as it lives (../port/life.ts). */
  lock?: string;
}

/** What a helper says: that it is there, and that it has failed. */
export type HelperWord = { kind: "helping"; holdsLock: boolean } | { kind: "failed"; message: string };

interface HelperExports {
  help(scratch: number): number;
}

/**
 * What a helper does, be it a worker of its own code or of a user's file: it waits for its setup, and then works in `help` (kernels/wasm/crew.ts)
 * for as long as there is a leader, in the arena in which the leader is.
 */
export function serve(port: PortLike): void {
  const say = (word: HelperWord) => port.postMessage(word, []);
  onMessage(port, async (message) => {
    const { kind, module, places, lock } = message as HelperSetup;
    if (kind !== "help") return;
    let at = 0;
    try {
      const enter = ({ memory }: { memory: WasmMemory }) =>
        new WebAssembly.Instance(module as WebAssembly.Module, { env: { memory } } as unknown as WebAssembly.Imports)
          .exports as unknown as HelperExports;
      const instances = places.map(enter);
      say({ kind: "helping", holdsLock: lock !== undefined && (await hold(lock)) });
      // The leader is in arena `move` - 1 now, or has left for good.
      for (let move = 1; move > 0; move = instances[at].help(places[at].scratch)) at = move - 1;
    } catch (error) {
      // The leader may be asleep over what this helper had claimed.
      const words = new Int32Array(places[at].memory.buffer, 0, 1024);
      Atomics.store(words, FAILED_WORD, 1);
      Atomics.notify(words, DONE_WORD);
      say({ kind: "failed", message: String(error) });
    }
  });
}
