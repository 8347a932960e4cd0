import { unpackRow } from "./unpack-rows";

/** out f32 [T, D] = rows ids (i32 [T]) of table f32, q4, q4z or q8 [V, D]; lanes as in unpack-rows.ts. */
export function embed(out: usize, ids: usize, table: usize, format: i32, T: i32, D: i32): void {
  for (let t = 0; t < T; t++) {
    unpackRow(out + (<usize>(t * D) << 2), table, format, load<i32>(ids + (<usize>t << 2)), D);
  }
}
