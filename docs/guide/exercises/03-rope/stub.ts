/**
 * RoPE of one head: a copy of it, turned by its token's position.
 *
 * The first R of its numbers are R / 2 planes: number i and number i + R / 2, for i from 0 to R / 2 - 1. Plane i turns by the angle
 *
 *     position · theta^(-2i / R)
 *
 * and a plane (a, b) that turns by an angle becomes (a · cos - b · sin, b · cos + a · sin). Numbers R, R + 1 … stay as they are.
 *
 * @param head dh numbers of a query or a key
 * @param position of the token, from 0
 * @param theta the base of the angles: 10000 for most Phi models
 * @param R how many numbers turn: an even number up to dh
 */
export function rotate(head: Float64Array, position: number, theta: number, R: number): Float64Array {
  const out = head.slice();
  // Write it here. The next line only keeps the editor from complaining of what is not used yet.
  void [position, theta, R];
  return out;
}
