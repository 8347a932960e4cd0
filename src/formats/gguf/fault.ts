import { type ErrorFacts, FormatError } from "../../errors.ts";

/** What can be wrong with a GGUF file; the `code` of the FormatError is the kind behind "gguf_". Text that is not UTF-8 has the code "utf8". */
export type Fault =
  | "header" // magic, or a length field
  | "version" // a version that is not read, or big endian
  | "type" // unknown type of a value or a tensor
  | "value" // a value that its type does not have, or that its key forbids
  | "duplicate" // a key or a tensor's name comes twice
  | "shape" // dimensions: too many, too large, or no whole blocks
  | "offset" // an offset that is not aligned
  | "overlap" // two tensors claim the same bytes
  | "truncated" // the file is shorter than it says
  | "limit" // more than this reader takes
  | "split" // the files of a split checkpoint disagree
  | "missing"; // there is no tensor or key of that name

export function fault(kind: Fault, facts: ErrorFacts): FormatError {
  return new FormatError(facts, `gguf_${kind}`);
}
