import { type ErrorFacts, FormatError } from "../../errors.ts";

/**
 * What can be wrong with a safetensors file; the `code` of the FormatError is the kind behind "safetensors_". JSON that is no JSON has the
 * code "json", a key that comes twice "duplicate_key", text that is not UTF-8 "utf8".
 */
export type Fault =
  | "header" // length field, first byte, structure or size of the header
  | "metadata" // __metadata__ is no map of strings to strings
  | "name" // a tensor's name cannot be written
  | "dtype" // unknown element type
  | "shape" // a dimension is no whole number, too many of them, or their product overflows
  | "offsets" // data_offsets is no pair of whole numbers begin ≤ end
  | "size" // bytes differ from what shape × dtype gives
  | "hole" // bytes between tensors that belong to none
  | "overlap" // two tensors claim the same bytes
  | "truncated" // the file is shorter than it says
  | "trailing" // bytes behind the last tensor
  | "limit" // more than this reader takes
  | "index" // the index and its shards disagree
  | "missing"; // there is no tensor of that name

export function fault(kind: Fault, facts: ErrorFacts): FormatError {
  return new FormatError(facts, `safetensors_${kind}`);
}
