import { bytesSource, loadPhi, type Phi, type PhiOptions, type Source } from "../../src/index.ts";
import { filesOf } from "../fixtures.ts";
import type { Engine } from "../harness.ts";

/** Where a model may run. What is claimed of the public API holds in both. */
export const MODES = [
  { where: "in-thread", worker: false },
  { where: "off-thread", worker: true },
] as const;
export type Mode = (typeof MODES)[number];

/** Why tests of a mode cannot run on an engine, if so. */
export const noMode = ({ worker }: Mode, engine: Engine): string | undefined =>
  worker && !engine.features.workers ? `${engine.name} has no workers` : undefined;

/** What suites do with phi-tiny, whose files are read once: in the caller's thread, or as the mode says. */
export async function openPhiTiny(engine: Engine, { worker }: Mode = MODES[0]) {
  const whole = await filesOf(engine, "models/phi-tiny");

  /** The bytes of some of its files. */
  const bytesOf = (...names: string[]): Record<string, Uint8Array<ArrayBuffer>> =>
    Object.fromEntries([...whole].filter(([name]) => names.includes(name)));

  /** Its files in memory, without those named. */
  const files = (...without: string[]): Source =>
    bytesSource(new Map<string, Uint8Array>([...whole].filter(([name]) => !without.includes(name))));

  const load = (options: PhiOptions = {}): Promise<Phi> => loadPhi(files(), { worker, ...options });

  /** A fresh one for the time of a test. */
  async function withPhi(use: (phi: Phi) => Promise<void>, options: PhiOptions = {}): Promise<void> {
    const phi = await load(options);
    try {
      await use(phi);
    } finally {
      await phi.dispose();
    }
  }

  return { bytesOf, files, load, withPhi };
}
