import { type BlockPattern, KV_BLOCK } from "./kernels.ts";

/** Whether head h's query in block `query` sees block `key`, which does not come after it. */
export function seesBlock({ local, stride, step }: BlockPattern, h: number, query: number, key: number): boolean {
  return query - key < local || (key + 1 + h * step) % stride === 0;
}

/** Sums and products with them stay within 32 bits. */
const MOST = 2 ** 20;

/** What is wrong with a pattern, and what it should be; undefined if nothing is. */
export function patternFault({
  size,
  local,
  stride,
  step,
}: BlockPattern): { got: number; expected: string } | undefined {
  const within = (n: number, least: number) => Number.isInteger(n) && n >= least && n <= MOST;
  if (!within(size, 1) || size % KV_BLOCK !== 0) return { got: size, expected: `blocks of a multiple of ${KV_BLOCK}` };
  if (!within(local, 1)) return { got: local, expected: "1 local block or more" };
  if (!within(stride, 1)) return { got: stride, expected: "a stride of 1 or more" };
  return within(step, 0) ? undefined : { got: step, expected: "a step of 0 or more" };
}
