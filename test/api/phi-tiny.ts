import { readdirSync, readFileSync } from "node:fs";
import { bytesSource, loadPhi, type Phi, type PhiOptions } from "../../src/index.ts";
import { PHI_TINY } from "../golden.ts";

/** Where a model may run. What is claimed of the public API holds in both. */
export const MODES = [
  { where: "in-thread", worker: false },
  { where: "off-thread", worker: true },
] as const;
export type Mode = (typeof MODES)[number];

/** In the caller's thread. */
export const load = (options: PhiOptions = {}) => loadPhi(PHI_TINY, options);

/** phi-tiny, loaded in one of the modes. */
export function phiTiny({ worker }: Mode) {
  const load = (options: PhiOptions = {}) => loadPhi(PHI_TINY, { worker, ...options });
  /** A fresh one for the time of a test. */
  const withPhi = async (use: (phi: Phi) => Promise<void>, options: PhiOptions = {}): Promise<void> => {
    const phi = await load(options);
    try {
      await use(phi);
    } finally {
      await phi.dispose();
    }
  };
  return { load, withPhi };
}

/** The bytes of some of phi-tiny's files. */
export const bytesOf = (...names: string[]): Record<string, Uint8Array<ArrayBuffer>> =>
  Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(`${PHI_TINY}/${name}`))]));

/** phi-tiny's files in memory, without those named. */
export function files(...without: string[]) {
  return bytesSource(bytesOf(...readdirSync(PHI_TINY).filter((name) => !without.includes(name))));
}
