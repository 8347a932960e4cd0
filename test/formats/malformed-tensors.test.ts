import { suite } from "../harness.ts";
import { checkFaults, craft, entry, type Fault } from "./craft.ts";

const tensor = (text: string) => `{"a":{${text}}}`;
const u8 = '"dtype":"U8","shape":[1],"data_offsets":[0,1]';

const FAULTS: Fault[] = [
  // A tensor's fields.
  { title: "a tensor that is a number", file: craft({ a: 1 }), code: "header", tensor: "a" },
  { title: "a tensor that is null", file: craft({ a: null }), code: "header", tensor: "a" },
  {
    title: "an unknown field",
    file: craft(tensor(`${u8},"strides":[1]`), 1),
    code: "header",
    tensor: "a",
    got: "strides",
  },
  { title: "no dtype", file: craft(tensor('"shape":[1],"data_offsets":[0,1]'), 1), code: "header", tensor: "a" },
  { title: "no shape", file: craft(tensor('"dtype":"U8","data_offsets":[0,1]'), 1), code: "header", tensor: "a" },
  { title: "no data_offsets", file: craft(tensor('"dtype":"U8","shape":[1]'), 1), code: "header", tensor: "a" },
  {
    title: "an unknown dtype",
    file: craft({ a: entry("Q4_0", [1], 0, 1) }, 1),
    code: "dtype",
    tensor: "a",
    got: "Q4_0",
  },
  {
    title: "a dtype in lower case",
    file: craft({ a: entry("f32", [1], 0, 4) }, 4),
    code: "dtype",
    tensor: "a",
    got: "f32",
  },
  {
    title: "an inherited name as dtype",
    file: craft({ a: entry("toString", [1], 0, 4) }, 4),
    code: "dtype",
    got: "toString",
  },
  {
    title: "a dtype that is a number",
    file: craft(tensor('"dtype":8,"shape":[1],"data_offsets":[0,1]'), 1),
    code: "dtype",
    tensor: "a",
  },
  // Whole numbers.
  ...["-1", "1.0", "1.5", "1e0", "-0", "9007199254740992", "18446744073709551616", `1${"0".repeat(400)}`].flatMap(
    (n) => [
      {
        title: `the dimension ${n.slice(0, 24)}`,
        file: craft(tensor(`"dtype":"U8","shape":[${n}],"data_offsets":[0,1]`), 1),
        code: "shape",
        tensor: "a",
        got: n,
      },
      {
        title: `the offset ${n.slice(0, 24)}`,
        file: craft(tensor(`"dtype":"U8","shape":[1],"data_offsets":[0,${n}]`), 1),
        code: "offsets",
        tensor: "a",
        got: n,
      },
    ],
  ),
  { title: "a dimension that is a text", file: craft({ a: entry("U8", ["1"], 0, 1) }, 1), code: "shape", tensor: "a" },
  { title: "a dimension that is null", file: craft({ a: entry("U8", [null], 0, 1) }, 1), code: "shape", tensor: "a" },
  {
    title: "a dimension with a leading zero",
    file: craft(tensor('"dtype":"U8","shape":[01],"data_offsets":[0,1]'), 1),
    code: "json",
  },
  {
    title: "a dimension NaN",
    file: craft(tensor('"dtype":"U8","shape":[NaN],"data_offsets":[0,1]'), 1),
    code: "shape",
    tensor: "a",
  },
  { title: "a shape that is a number", file: craft({ a: entry("U8", 1, 0, 1) }, 1), code: "shape", tensor: "a" },
  { title: "a shape inside a shape", file: craft({ a: entry("U8", [[1]], 0, 1) }, 1), code: "shape", tensor: "a" },
  { title: "65 dimensions", file: craft({ a: entry("U8", Array(65).fill(1), 0, 1) }, 1), code: "shape", tensor: "a" },
  {
    title: "three data_offsets",
    file: craft(tensor('"dtype":"U8","shape":[1],"data_offsets":[0,1,1]'), 1),
    code: "offsets",
    tensor: "a",
  },
  {
    title: "one data_offset",
    file: craft(tensor('"dtype":"U8","shape":[1],"data_offsets":[0]'), 1),
    code: "offsets",
    tensor: "a",
  },
  {
    title: "no data_offset in the list",
    file: craft(tensor('"dtype":"U8","shape":[0],"data_offsets":[]')),
    code: "offsets",
    tensor: "a",
  },
  {
    title: "data_offsets the wrong way round",
    file: craft({ a: entry("U8", [1], 1, 0) }, 1),
    code: "offsets",
    tensor: "a",
  },
  // Sizes.
  {
    title: "dimensions whose product passes 2^53",
    file: craft({ a: entry("U8", [2 ** 40, 2 ** 40], 0, 1) }, 1),
    code: "shape",
    tensor: "a",
  },
  {
    title: "dimensions whose product wraps to 1 in 64 bits",
    file: craft(tensor('"dtype":"U8","shape":[4294967297,4294967295,4294967297],"data_offsets":[0,1]'), 1),
    code: "shape",
    tensor: "a",
  },
  {
    title: "bytes that pass 2^53 only by the element's size",
    file: craft({ a: entry("F64", [2 ** 51], 0, 8) }, 8),
    code: "shape",
    tensor: "a",
  },
  {
    title: "an overflow that a later 0 would heal",
    file: craft({ a: entry("U8", [2 ** 52, 2 ** 52, 0], 0, 0) }),
    code: "shape",
    tensor: "a",
  },
  {
    title: "fewer bytes than the shape needs",
    file: craft({ a: entry("F32", [2], 0, 4) }, 4),
    code: "size",
    tensor: "a",
    got: 4,
    expected: "8 for F32 [2]",
  },
  {
    title: "more bytes than the shape needs",
    file: craft({ a: entry("F16", [2], 0, 8) }, 8),
    code: "size",
    tensor: "a",
    got: 8,
    expected: "4 for F16 [2]",
  },
  { title: "a scalar of no bytes", file: craft({ a: entry("F32", [], 0, 0) }), code: "size", tensor: "a", got: 0 },
  {
    title: "an empty tensor with bytes",
    file: craft({ a: entry("F32", [0, 3], 0, 4) }, 4),
    code: "size",
    tensor: "a",
    got: 4,
  },
  // The buffer.
  {
    title: "a file shorter than its tensors",
    file: craft({ a: entry("U8", [8], 0, 8) }, 7),
    code: "truncated",
    tensor: "a",
    got: 7,
  },
  {
    title: "petabytes that are not there",
    file: craft({ a: entry("F32", [2 ** 50], 0, 2 ** 52) }, 8),
    code: "truncated",
    tensor: "a",
    got: 8,
  },
  {
    title: "bytes behind the last tensor",
    file: craft({ a: entry("U8", [4], 0, 4) }, 5),
    code: "trailing",
    got: 5,
    expected: 4,
  },
  { title: "bytes and no tensors", file: craft("{}", 1), code: "trailing", got: 1, expected: 0 },
  {
    title: "a hole before the first tensor",
    file: craft({ a: entry("U8", [4], 4, 8) }, 8),
    code: "hole",
    tensor: "a",
    got: 4,
    expected: 0,
  },
  {
    title: "a hole between tensors",
    file: craft({ b: entry("U8", [2], 4, 6), a: entry("U8", [2], 0, 2) }, 6),
    code: "hole",
    tensor: "b",
    got: 4,
    expected: 2,
  },
  {
    title: "two tensors that share their bytes",
    file: craft({ a: entry("U8", [4], 0, 4), b: entry("U8", [4], 0, 4) }, 4),
    code: "overlap",
    got: 0,
    expected: 4,
  },
  {
    title: "two tensors that overlap by a byte",
    file: craft({ a: entry("U8", [4], 0, 4), b: entry("U8", [2], 3, 5) }, 5),
    code: "overlap",
    tensor: "b",
    got: 3,
    expected: 4,
  },
  {
    title: "an empty tensor inside another",
    file: craft({ a: entry("U8", [4], 0, 4), b: entry("U8", [0], 2, 2) }, 4),
    code: "overlap",
    tensor: "b",
  },
  {
    title: "an empty tensor behind the end",
    file: craft({ a: entry("U8", [4], 0, 4), b: entry("U8", [0], 5, 5) }, 4),
    code: "truncated",
    tensor: "b",
  },
];

suite("safetensors/malformed tensors", (harness) => checkFaults(harness, FAULTS));
