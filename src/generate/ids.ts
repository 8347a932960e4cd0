import { OptionError } from "../errors.ts";

/** Token ids as users hold them: an array of numbers or any typed array of integers. */
export type TokenIds = readonly number[] | Int32Array | Uint32Array | Uint16Array;

/**
 * @param V size of the model's vocabulary
 * @returns the ids as a fresh array
 * @throws OptionError naming the position of the first that is no integer from 0 to V - 1, or if there is none at all
 */
export function checkIds(where: string, ids: unknown, V: number): number[] {
  if (!Array.isArray(ids) && !(ArrayBuffer.isView(ids) && "length" in ids)) {
    throw new OptionError({ what: `${where}: token ids`, got: ids, expected: "an array of integers" });
  }
  const list = ids as ArrayLike<unknown>;
  if (list.length === 0) throw new OptionError({ what: `${where}: no token ids`, got: "[]", expected: "at least one" });
  const checked: number[] = new Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const id = list[i];
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= V) {
      throw new OptionError({
        what: `${where}: token id at position ${i}`,
        got: id,
        expected: `an integer from 0 to ${V - 1}`,
      });
    }
    checked[i] = id;
  }
  return checked;
}
