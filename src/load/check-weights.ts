import { FormatError } from "../errors.ts";
import { type Tell, throwIt } from "../faults.ts";
import { isFloat, type WeightSpec } from "../model/weights.ts";
import { packedFormat, packedShape } from "./formats.ts";
import { READABLE, type WeightFiles, type WeightTensor } from "./weight-files.ts";

/**
 * Finds every weight in the files, before any memory is taken.
 * @param tell of each that is missing, has another shape than the config says, or a dtype that weights do not come in; and of tensors in
 * layers that the config does not know (FormatError)
 * @param files with the weights of which they hold parts ({@link withJoined})
 * @param unused tensors in layers that are left alone
 * @returns bytes that loading will read
 */
export function checkWeights(
  files: WeightFiles,
  specs: readonly WeightSpec[],
  unused: (tensor: string) => boolean = () => false,
  tell: Tell = throwIt,
): number {
  const names = [...new Set([...files.tensors.values()].map((info) => info.file))];
  let bytes = 0;
  for (const spec of specs) {
    const info = files.tensors.get(spec.name);
    if (info) checkWeight(files, info, spec, tell);
    else if (!files.faulty?.has(spec.name)) tell(missing(files, names, spec));
    bytes += info?.byteLength ?? 0;
  }
  checkLayers(files, specs, unused, tell);
  return bytes;
}

const shapeOf = ({ vector, rows, cols }: WeightSpec): number[] => (vector ? [cols] : [rows, cols]);

/** @param tell of another shape than the config says, and of a dtype that weights do not come in */
function checkWeight(files: WeightFiles, info: WeightTensor, spec: WeightSpec, tell: Tell): void {
  const place = { file: info.file, tensor: spec.name };
  const packed = isFloat(spec) ? undefined : packedFormat(info);
  const expected = packed ? packedShape(packed, spec) : shapeOf(spec);
  if (info.shape.length !== expected.length || info.shape.some((d, i) => d !== expected[i])) {
    const blocks = packed ? `blocks of a ${packed} matrix: ` : "";
    const what = `${blocks}the shape is not what config.json says`;
    tell(new FormatError({ what, ...place, got: info.shape, expected }));
  }
  if (packed || Object.hasOwn(READABLE, info.dtype) || info.blocks || info.fill) return;
  const dtypes = [...Object.keys(READABLE), ...(files.dtypes ?? [])];
  tell(new FormatError({ what: "weights of this dtype are not built", ...place, got: info.dtype, expected: dtypes }));
}

/** @param names of the files in which it was looked for */
function missing({ tensors }: WeightFiles, names: readonly string[], spec: WeightSpec): FormatError {
  // Of a matrix of which no part is there either, nobody knows that it should have parts.
  const parted = spec.parts?.some((p) => tensors.has(p.name));
  const part = parted ? spec.parts?.find((p) => !tensors.has(p.name)) : undefined;
  const tensor = part?.name ?? spec.name;
  const expected = part ? [part.rows, ...shapeOf(spec).slice(1)] : shapeOf(spec);
  const got = `${tensors.size} others in ${names.length > 3 ? `${names.length} files` : names.join(", ")}`;
  const [file] = names.length === 1 ? names : [];
  return new FormatError({ what: "the checkpoint lacks this tensor", file, tensor, got, expected }, "missing_tensor");
}

/**
 * What is left over in a layer, be it a bias or a whole layer, would change the answers; elsewhere it does no harm.
 * @param tell of it: FormatError (code "extra_tensor")
 */
function checkLayers(
  files: WeightFiles,
  specs: readonly WeightSpec[],
  unused: (tensor: string) => boolean,
  tell: Tell,
): void {
  const known = new Set(specs.flatMap(({ name, parts = [] }) => [name, ...parts.map((part) => part.name)]));
  for (const { name: tensor, file, shape } of files.tensors.values()) {
    // Frequencies that old checkpoints keep; the config gives them too.
    if (known.has(tensor) || !tensor.startsWith("model.layers.") || tensor.endsWith(".rotary_emb.inv_freq")) continue;
    if (unused(tensor)) continue;
    const facts = { file, tensor, got: shape, expected: "no such tensor" };
    tell(new FormatError({ what: "config.json describes a model without this tensor", ...facts }, "extra_tensor"));
  }
}
