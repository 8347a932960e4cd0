import { ALIGN } from "../tensor/arena.ts";

/** Blocks of weights that are on their way, or being put in their place, at a time. */
export const IN_FLIGHT = 3;

/** Bytes of an arena's scratch, through which weights are read. */
export interface Staging {
  ptr: number;
  bytes: number;
}

/** The part of it for one block: {@link IN_FLIGHT} of them are used in turn. @param staged blocks that went through it before */
export function partOf({ ptr, bytes }: Staging, staged: number): Staging {
  const part = Math.floor(bytes / IN_FLIGHT / ALIGN) * ALIGN;
  return { ptr: ptr + (staged % IN_FLIGHT) * part, bytes: part };
}
