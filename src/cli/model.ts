import { loadPhi, type Phi } from "../index.ts";
import { hubOptionsOf } from "./hub.ts";
import type { LoadArguments } from "./options.ts";
import { bytes, note, ProgressLine } from "./ui.ts";

/** What loading took. */
export interface Loaded {
  /** Bytes of files that were read. */
  bytes: number;
  seconds: number;
}

/** Loads a checkpoint, with a progress line on a terminal, and gives its memory back when `use` has ended. */
export async function withModel<T>(
  path: string,
  { scales, ...options }: LoadArguments,
  use: (phi: Phi, loaded: Loaded) => Promise<T>,
): Promise<T> {
  const start = performance.now();
  const line = new ProgressLine();
  let read = 0;
  const onProgress = ({ loaded, total }: { loaded: number; total: number }) => {
    read = loaded;
    line.show(`loading ${path}: ${Math.floor((100 * loaded) / total)} % of ${bytes(total)}`);
  };
  const phi = await loadPhi(path, { ...options, ...hubOptionsOf(path), onProgress }).finally(() => line.clear());
  for (const { message } of phi.notices) note(`phi: ${message}`);
  try {
    phi.setAdapter(scales ?? null);
    return await use(phi, { bytes: read, seconds: (performance.now() - start) / 1000 });
  } finally {
    await phi.dispose();
  }
}
