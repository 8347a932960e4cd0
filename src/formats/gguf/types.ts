import type { GgmlType } from "../../quant/ggml/types.ts";

/** Values of metadata: 64-bit integers are numbers where these are exact, else bigints. */
export type GgufScalar = number | bigint | boolean | string;

/** A list of metadata: numbers of up to 32 bits, and floats, in a typed array of their type; others one by one. */
export type GgufArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | readonly (number | bigint)[]
  | readonly boolean[]
  | readonly string[]
  | readonly GgufArray[];

export type GgufValue = GgufScalar | GgufArray;

/** Types of metadata values by their number: name, and the fewest bytes that one takes. Source: docs/gguf.md of ggml, gguf_metadata_value_type. */
export const VALUE_TYPES = [
  { name: "u8", bytes: 1 },
  { name: "i8", bytes: 1 },
  { name: "u16", bytes: 2 },
  { name: "i16", bytes: 2 },
  { name: "u32", bytes: 4 },
  { name: "i32", bytes: 4 },
  { name: "f32", bytes: 4 },
  { name: "bool", bytes: 1 },
  { name: "string", bytes: 8 }, // its length
  { name: "array", bytes: 12 }, // type and length
  { name: "u64", bytes: 8 },
  { name: "i64", bytes: 8 },
  { name: "f64", bytes: 8 },
] as const;

export type ValueType = (typeof VALUE_TYPES)[number]["name"];

/** The types by their number in a file. Numbers between them are types that ggml no longer has. */
export const TYPE_BY_NUMBER: ReadonlyMap<number, GgmlType> = new Map([
  [0, "F32"],
  [1, "F16"],
  [2, "Q4_0"],
  [3, "Q4_1"],
  [6, "Q5_0"],
  [7, "Q5_1"],
  [8, "Q8_0"],
  [9, "Q8_1"],
  [10, "Q2_K"],
  [11, "Q3_K"],
  [12, "Q4_K"],
  [13, "Q5_K"],
  [14, "Q6_K"],
  [15, "Q8_K"],
  [16, "IQ2_XXS"],
  [17, "IQ2_XS"],
  [18, "IQ3_XXS"],
  [19, "IQ1_S"],
  [20, "IQ4_NL"],
  [21, "IQ3_S"],
  [22, "IQ2_S"],
  [23, "IQ4_XS"],
  [24, "I8"],
  [25, "I16"],
  [26, "I32"],
  [27, "I64"],
  [28, "F64"],
  [29, "IQ1_M"],
  [30, "BF16"],
  [34, "TQ1_0"],
  [35, "TQ2_0"],
  [39, "MXFP4"],
  [40, "NVFP4"],
]);
