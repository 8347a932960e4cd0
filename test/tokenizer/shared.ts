import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where the project lies, and the `shared` folder beside it (or at PHI_SHARED): third-party files that are read but never committed. */
const root = fileURLToPath(new URL("../../", import.meta.url));
export const rootPath = (path: string): string => `${root}${path}`;

/** The path of a file or folder in the shared folder, or undefined where it is not there. */
export function sharedPath(path: string): string | undefined {
  const places = [process.env.PHI_SHARED, `${root}../shared`];
  return places
    .filter((p) => p !== undefined)
    .map((p) => `${p}/${path}`)
    .find(existsSync);
}
