import type { Architecture } from "./architecture.ts";
import { CORE_ARCHITECTURES } from "./architectures.ts";
import type { PhiConfig } from "./config.ts";
import { phi } from "./phi.ts";
import { phi3small } from "./phi3small.ts";
import { phimoe } from "./phimoe.ts";

/** Those that a program for which size counts has only if it is given them. */
export const GIVEN_ARCHITECTURES: readonly Architecture[] = [phi, phi3small, phimoe];

/** All that are built. */
export const ARCHITECTURES: readonly Architecture[] = [...CORE_ARCHITECTURES, ...GIVEN_ARCHITECTURES];

/** The architecture of a model. One that was converted to another type is that which it was. */
export function architectureOf({ modelType }: Pick<PhiConfig, "modelType">): Architecture {
  return ARCHITECTURES.find((a) => a.modelType === modelType) as Architecture;
}
