export const WORDS: Readonly<
  Record<"GO" | "DONE" | "NEXT" | "WHAT" | "PARTS" | "FIRST" | "SIZE" | "HERE" | "START", number>
>;
export const WORK: Readonly<Record<"END" | "STREAM_ONE" | "STREAM_FOUR" | "DOTS", number>>;
export function takeParts(
  words: Int32Array,
  probe: Readonly<Record<string, (...args: number[]) => number>>,
  spot: number,
  begin: number,
): void;
