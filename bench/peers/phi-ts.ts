// phi-ts itself, in Node and, by pages/phi-ts.ts, on a page.
import { loadPhi, type Phi } from "../../src/index.ts";
import { freshIds } from "./pages/page.ts";
import type { Peer } from "./peer.ts";

/** How a loaded model answers to what Peer asks. */
export async function asked(phi: Phi): Promise<Omit<Peer, "name" | "close">> {
  const seq = await phi.sequence();
  return {
    async prompt(T) {
      await seq.truncate(0);
      const start = performance.now();
      await seq.forward(freshIds(T));
      return performance.now() - start;
    },
    async decode(n) {
      await seq.truncate(0);
      await seq.forward(freshIds(2));
      const times: number[] = [];
      for (const id of freshIds(n)) {
        const start = performance.now();
        await seq.forward([id]);
        times.push(performance.now() - start);
      }
      return times;
    },
  };
}

export async function openPhiTs(folder: string, threads: number): Promise<Peer> {
  const phi = await loadPhi(folder, { threads, contextSize: 1024 });
  return { name: `phi-ts, ${phi.kernels}`, ...(await asked(phi)), close: () => phi.dispose() };
}
