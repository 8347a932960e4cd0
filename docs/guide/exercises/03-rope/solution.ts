/** A copy of the head, turned by its token's position: see the stub. */
export function rotate(head: Float64Array, position: number, theta: number, R: number): Float64Array {
  const out = head.slice();
  const half = R / 2;
  for (let i = 0; i < half; i++) {
    const angle = position * theta ** ((-2 * i) / R);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const [a, b] = [head[i], head[i + half]];
    out[i] = a * cos - b * sin;
    out[i + half] = b * cos + a * sin;
  }
  return out;
}
