import { loadPhi, type Phi } from "../index.ts";
import type { loadOptionsOf } from "./options.ts";
import { bytes, ProgressLine } from "./ui.ts";

/** Loads a checkpoint, with a progress line on a terminal, and gives its memory back when `use` has ended. */
export async function withModel<T>(
  path: string,
  options: ReturnType<typeof loadOptionsOf>,
  use: (phi: Phi) => Promise<T>,
): Promise<T> {
  const line = new ProgressLine();
  const onProgress = ({ loaded, total }: { loaded: number; total: number }) => {
    line.show(`loading ${path}: ${Math.floor((100 * loaded) / total)} % of ${bytes(total)}`);
  };
  const phi = await loadPhi(path, { ...options, onProgress }).finally(() => line.clear());
  try {
    return await use(phi);
  } finally {
    await phi.dispose();
  }
}
