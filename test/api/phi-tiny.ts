import { readdirSync, readFileSync } from "node:fs";
import { bytesSource, type LoadOptions, loadPhi, type Phi } from "../../src/index.ts";
import { PHI_TINY } from "../golden.ts";

export const load = (options: LoadOptions = {}) => loadPhi(PHI_TINY, options);

/** A fresh phi-tiny for the time of a test. */
export async function withPhi(use: (phi: Phi) => Promise<void>, options: LoadOptions = {}): Promise<void> {
  const phi = await load(options);
  try {
    await use(phi);
  } finally {
    await phi.dispose();
  }
}

/** The bytes of some of phi-tiny's files. */
export const bytesOf = (...names: string[]): Record<string, Uint8Array<ArrayBuffer>> =>
  Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(`${PHI_TINY}/${name}`))]));

/** phi-tiny's files in memory, without those named. */
export function files(...without: string[]) {
  return bytesSource(bytesOf(...readdirSync(PHI_TINY).filter((name) => !without.includes(name))));
}
