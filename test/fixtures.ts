import { existsSync, readFileSync } from "node:fs";
import { inProject } from "./golden.ts";

/** Path of a file or folder under test/fixtures. */
export const fixture = (name: string): string => inProject(`test/fixtures/${name}`);

export const readFixture = (name: string): Uint8Array => new Uint8Array(readFileSync(fixture(name)));

export const readFixtureJson = (name: string): unknown => JSON.parse(readFileSync(fixture(name), "utf8"));

/** Path in the data that lies beside the project and may not be committed (see test/README.md), or undefined where it is absent. */
export function shared(name: string): string | undefined {
  const path = `${process.env.PHI_SHARED ?? inProject("../shared")}/${name}`;
  return existsSync(path) ? path : undefined;
}
