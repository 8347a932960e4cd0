import { FormatError, type Notice, OptionError } from "../errors.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import { BLOCK_BYTES, groupsOf, type PackFormat, ROWS, type Slice, type WeightFormat } from "../quant/packed-matrix.ts";
import type { WeightFiles, WeightTensor } from "./weight-files.ts";

/** What the matrices are to be in memory; "auto" leaves it to the file. */
export interface WantedFormats {
  weights?: "auto" | PackFormat;
  embedding?: "auto" | "q4" | "q8";
  activations?: "int8" | "f32";
}

/** What they will be. */
export interface ChosenFormats {
  /** Of the layers' matrices, or of most of them. */
  format: WeightFormat;
  /** Of embedding and output layer. */
  embedding: WeightFormat;
  /** Each matrix's own, by its name, where the file decides. */
  formats?: ReadonlyMap<string, WeightFormat>;
  /** Of those whose parts in the file have several. */
  slices?: ReadonlyMap<string, readonly Slice[]>;
  /** Matrices whose inputs lie in an order of their own, by their names. */
  ordered?: ReadonlySet<string>;
  /** Bytes through which weights must be read at least. */
  staging?: number;
  notices?: readonly Notice[];
}

/** Shape of a matrix [N, C] in a packed file: its blocks, as they lie in memory. */
export function packedShape(format: "q4" | "q8", { rows, cols }: Pick<WeightSpec, "rows" | "cols">): number[] {
  return [Math.ceil(rows / ROWS), groupsOf(cols), BLOCK_BYTES[format]];
}

/** The format that a file's tensor is packed in already; undefined for one of numbers. */
export function packedFormat({ dtype, shape }: Pick<WeightTensor, "dtype" | "shape">): "q4" | "q8" | undefined {
  if (dtype !== "U8" || shape.length !== 3) return undefined;
  return shape[2] === BLOCK_BYTES.q4 ? "q4" : shape[2] === BLOCK_BYTES.q8 ? "q8" : undefined;
}

/**
 * Formats of the layers' matrices and of embedding and output layer. Matrices that are packed in the file stay as they are; of GGUF files and int4
 * checkpoints those decide (block-formats.ts, int4/formats.ts); others become what is wanted, q4 by default, and `embedding` follows `weights`.
 * @throws OptionError if another format is wanted than a packed file has
 * @throws FormatError (code "mixed_formats") if the file has more than one where memory has one
 */
export function chooseFormats(files: WeightFiles, specs: readonly WeightSpec[], wanted: WantedFormats): ChosenFormats {
  const { weights = "auto", embedding = "auto" } = wanted;
  const chosen = files.choose?.(files, specs, wanted);
  if (chosen) return chosen;
  const layers = oneFormat(files, specs, (place) => typeof place === "number");
  const tables = oneFormat(files, specs, (place) => typeof place !== "number");
  const format = layers ? asPacked("weights", weights, layers) : weights === "auto" ? "q4" : weights;
  if (tables) return { format, embedding: asPacked("embedding", embedding, tables) };
  return { format, embedding: embedding === "auto" ? format : embedding };
}

/** The format that matrices of one kind have in the file; undefined for numbers, which are packed while they are read. */
function oneFormat(
  files: WeightFiles,
  specs: readonly WeightSpec[],
  here: (place: WeightSpec["place"]) => boolean,
): "q4" | "q8" | undefined {
  const found = new Map<string | undefined, WeightTensor>();
  for (const spec of specs) {
    const info = files.tensors.get(spec.name);
    if (!info || isFloat(spec) || !here(spec.place)) continue;
    const format = packedFormat(info);
    if (!found.has(format)) found.set(format, info);
  }
  const [first, second] = [...found];
  if (second) {
    const got = `${first[0] ?? first[1].dtype} in ${first[1].name}, ${second[0] ?? second[1].dtype} in ${second[1].name}`;
    const place = { file: second[1].file, tensor: second[1].name };
    throw new FormatError(
      { what: "matrices of one kind in two formats", ...place, got, expected: "one" },
      "mixed_formats",
    );
  }
  return first?.[0] as "q4" | "q8" | undefined;
}

function asPacked<T extends WeightFormat>(option: string, wanted: "auto" | WeightFormat, packed: T): T {
  if (wanted === "auto" || wanted === packed) return packed;
  const what = `loadPhi: option "${option}": the file is packed already and stays as it is`;
  throw new OptionError({ what, got: wanted, expected: `auto or ${packed}` });
}
