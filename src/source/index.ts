/**
 * Where bytes come from and go to. Nothing here knows a runtime; paths are opened by `#platform`.
 * @module
 */
export { type Bytes, badInput, bytesFile, bytesSource, isSource, isSourceFile } from "./bytes.ts";
export { heldSource } from "./held.ts";
export { JsonScanner, type JsonValue, parseStrictJson } from "./json.ts";
export { checkName, checkRange, notFound } from "./range.ts";
export { decodeUtf8, MAX_TEXT_BYTES, readAll, readJson, readText, withFile } from "./read.ts";
export { bytesSink, type Sink, type SinkFile } from "./sink.ts";
export type { OpenedPath, Source, SourceFile } from "./source.ts";
