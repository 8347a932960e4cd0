import { type ErrorFacts, FormatError } from "../../errors.ts";
import { Pacer } from "../../event-loop.ts";
import type { FillOptions } from "../fill.ts";
import { READABLE, readRows, type WeightFiles, type WeightTensor } from "../weight-files.ts";
import type { AdapterBase } from "./adapter-set.ts";
import { targetsOf } from "./targets.ts";

/**
 * The copy of the output layer [V, D] that PEFT's save_pretrained writes beside the factors of an adapter of lm_head, unless it is told
 * save_embedding_layers=False. PEFT takes it for the model's own; so it must be that, number by number.
 */
export interface TableCopy {
  readonly copy: WeightTensor;
  /** The table in the model's own files, embedding and output layer where they are tied. */
  readonly own: WeightTensor;
}

/** dtypes that can be compared. */
const FLOATS = Object.keys(READABLE);

/** Bytes that are read at a time. */
const BLOCK = 2 ** 20;

export const isTableCopy = ({ name }: WeightTensor): boolean => /(^|\.)lm_head\.base_layer\.weight$/.test(name);

/**
 * The copy in an adapter's file, if it has one.
 * @throws FormatError (code "adapter") for one of another shape, and where the model's own table is not in floats
 */
export function tableCopyIn(
  tensors: Iterable<WeightTensor>,
  { config, specs, files }: AdapterBase,
): TableCopy | undefined {
  const copy = [...tensors].find(isTableCopy);
  if (!copy) return undefined;
  const own = files.tensors.get(targetsOf(config, specs).get("lm_head")?.spec.name ?? "");
  const what = "a copy of the model's table, which cannot be compared with it";
  if (!own || !FLOATS.includes(own.dtype))
    throw differs(copy, { what, got: own?.dtype, expected: `a model with the table in one of ${FLOATS.join(", ")}` });
  if (!FLOATS.includes(copy.dtype)) throw differs(copy, { what, got: copy.dtype, expected: FLOATS });
  if (copy.shape.length !== 2 || copy.shape.some((n, i) => n !== own.shape[i]))
    throw differs(copy, { what: "a copy of the model's table in another shape", got: copy.shape, expected: own.shape });
  return { copy, own };
}

/**
 * Reads both and compares them.
 * @param adapter reads the copy
 * @param base reads the model's own
 * @throws FormatError (code "adapter") for the first row that differs, SourceError, the signal's reason
 */
export async function checkTableCopy(
  { copy, own }: TableCopy,
  adapter: Pick<WeightFiles, "readInto">,
  base: Pick<WeightFiles, "readInto">,
  { signal, onBlock }: Pick<FillOptions, "signal" | "onBlock"> = {},
): Promise<void> {
  const pacer = new Pacer();
  const [V, D] = copy.shape;
  const rows = Math.max(1, Math.floor(BLOCK / (4 * D)));
  for (let row = 0; row < V; row += rows) {
    await pacer.pace();
    signal?.throwIfAborted();
    const n = Math.min(rows, V - row);
    const theirs = await readRows(adapter, copy, row, n);
    const ours = await readRows(base, own, row, n);
    const at = theirs.findIndex((x, i) => x !== ours[i]);
    if (at >= 0) {
      const what = "a copy of the model's table that differs from it: the adapter was made for another model";
      const got = `${theirs[at]} in row ${row + Math.floor(at / D)}, column ${at % D}`;
      throw differs(copy, { what, got, expected: ours[at] });
    }
    onBlock?.(copy.file, copy.name, (n * copy.byteLength) / V);
  }
}

const differs = ({ file, name: tensor }: WeightTensor, facts: ErrorFacts): FormatError =>
  new FormatError({ ...facts, file, tensor }, "adapter");
