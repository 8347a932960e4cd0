import { FormatError } from "../../errors.ts";
import { awqZero, gptqZero, packedZero } from "../../quant/int4/index.ts";
import { GROUP, groupsOf } from "../../quant/packed-matrix.ts";
import { toFloats } from "../weight-files.ts";
import type { Int4Tensor } from "./tensors.ts";

/** The bytes of the small tensors of an int4 matrix, as they lie in the file. */
export interface GroupBytes {
  scales: Uint8Array;
  zeros?: Uint8Array;
  gIdx?: Uint8Array;
}

/** Scales and zero points of an int4 matrix [N, C], and which inputs they are for. */
export interface Int4Groups {
  /** f32 [G', N] */
  scales: Float32Array;
  /** [G', N]: 0 … 15 */
  zeros: Uint8Array;
  /** [C]: the group of each input. */
  ofInput: Int32Array;
}

/**
 * @param symmetric whether zero points other than 8 have no place
 * @throws FormatError for an input whose group there is not, and for zero points that contradict the config
 */
export function readGroups(info: Int4Tensor, bytes: GroupBytes, symmetric: boolean): Int4Groups {
  const { scheme, groups, groupSize, scales: from } = info.int4;
  const [N, C] = info.shape;
  const packed = scheme.layout === "pack-quantized";
  const floats = new Float32Array(N * groups);
  toFloats(from, bytes.scales, floats);
  const scales = packed ? transposed(floats, N, groups) : floats;
  const zeros = zerosOf(info, bytes.zeros, symmetric);
  const ofInput = bytes.gIdx ? words(bytes.gIdx) : Int32Array.from({ length: C }, (_, i) => Math.floor(i / groupSize));
  const input = ofInput.findIndex((g) => g < 0 || g >= groups);
  if (input >= 0) {
    const { file, name: tensor } = info.int4.gIdx ?? info;
    const facts = { file, tensor, got: ofInput[input], expected: `0 … ${groups - 1}` };
    throw new FormatError({ what: `the group of input ${input}: there is none of this number`, ...facts });
  }
  return { scales, zeros, ofInput };
}

function zerosOf({ int4, shape: [N] }: Int4Tensor, bytes: Uint8Array | undefined, symmetric: boolean): Uint8Array {
  const { scheme, groups } = int4;
  const out = new Uint8Array(groups * N).fill(8);
  if (!bytes || !int4.zeros) return out;
  const packed = int4.zeros.dtype === "I8" ? new Int8Array(bytes.buffer) : words(bytes);
  for (let g = 0; g < groups; g++) {
    for (let o = 0; o < N; o++) {
      const at = g * N + o;
      if (int4.zeros.dtype === "I8") out[at] = packed[o * groups + g] + 8;
      else if (scheme.layout === "gptq") out[at] = gptqZero(packed, N, o, g, scheme.zerosLess);
      else out[at] = scheme.layout === "awq" ? awqZero(packed, N, o, g) : packedZero(packed, groups, o, g);
    }
  }
  const bad = out.findIndex((z) => z > 15 || (symmetric && z !== 8));
  if (bad < 0) return out;
  const { file, name: tensor } = int4.zeros;
  const what = `the zero point of group ${Math.floor(bad / N)} of output ${bad % N}`;
  const expected = symmetric
    ? `8, since the config says that quantization is symmetric (weights: "f32" takes it as it is)`
    : "0 … 15";
  throw new FormatError({ what, file, tensor, got: out[bad], expected });
}

/**
 * Where inputs go so that groups of 32 neighbours have one scale: stably sorted by their groups. [C]: input i of the file becomes column places[i].
 * @throws FormatError if the inputs of a group are no whole number of 32
 */
export function placesOf(info: Int4Tensor, { ofInput }: Int4Groups): Int32Array {
  const order = Int32Array.from(ofInput.keys()).sort((a, b) => ofInput[a] - ofInput[b] || a - b);
  const places = new Int32Array(order.length);
  for (const [column, input] of order.entries()) {
    places[input] = column;
    if (ofInput[order[column - (column % GROUP)]] === ofInput[input]) continue;
    const { file, name: tensor } = info.int4.gIdx ?? info;
    const what = `group ${ofInput[input]} has a number of inputs that is not built`;
    throw new FormatError({
      what,
      file,
      tensor,
      got: ofInput.filter((g) => g === ofInput[input]).length,
      expected: "a multiple of 32",
    });
  }
  return places;
}

/**
 * The file's group of each group of 32 columns. [G]
 * @param places as {@link placesOf}; undefined: inputs stay where they are
 * @throws FormatError if inputs stay, and neighbours belong to several groups
 */
export function groupOfColumns(info: Int4Tensor, { ofInput }: Int4Groups, places?: Int32Array): Int32Array {
  const out = new Int32Array(groupsOf(ofInput.length));
  for (const [input, group] of ofInput.entries()) {
    const column = places?.[input] ?? input;
    const at = Math.floor(column / GROUP);
    if (column % GROUP === 0) out[at] = group;
    if (places || out[at] === group) continue;
    const { file, name: tensor } = info.int4.gIdx ?? info;
    const what = `input ${input} is in another group than its neighbours, and the config says that none is (desc_act)`;
    throw new FormatError({ what, file, tensor, got: group, expected: `${out[at]}` });
  }
  return out;
}

export const words = (bytes: Uint8Array): Int32Array =>
  new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);

function transposed(x: Float32Array, rows: number, cols: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) out[c * rows + r] = x[r * cols + c];
  return out;
}
