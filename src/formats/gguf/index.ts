/**
 * `phi-ts/gguf`: a reader of the GGUF format of llama.cpp, which stands alone. Single files and split checkpoints are read lazily, by byte range,
 * from a path, a URL, Blobs, a Source or bytes; every count and offset is checked from the header and the file's size before memory is taken.
 * Tensors come as their blocks or as float32, dequantized bit for bit as ggml does.
 * @module
 */
export { dequantizeGgml, GGML_FORMATS, GGML_TYPES, type GgmlFormat, type GgmlType } from "../../quant/ggml/index.ts";
export { type Bytes, bytesSource, type Source, type SourceFile } from "../../source/index.ts";
export type { GgufTensor } from "./layout.ts";
export { type Gguf, type GgufInput, openGguf } from "./open.ts";
export type { GgufArray, GgufScalar, GgufValue } from "./types.ts";
