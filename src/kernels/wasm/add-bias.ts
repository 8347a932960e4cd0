import { add } from "./add";

/** out[t, n] = x[t, n] + bias[n], T rows of N float32. Lanes and alignment as in add.ts. Same bits as the reference. */
export function addBias(out: usize, x: usize, bias: usize, T: i32, N: i32): void {
  const row = <usize>N << 2;
  for (let t = 0; t < T; t++, out += row, x += row) add(out, x, bias, N);
}
