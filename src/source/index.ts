/**
 * Where bytes come from and go to. Nothing here knows a runtime; paths are opened by `#platform`.
 * @module
 */
export { abortableSource } from "./abortable.ts";
export { type Bytes, bytesFile, bytesSource, isSource } from "./bytes.ts";
export { checkedSource } from "./checked.ts";
export { JsonScanner, type JsonValue, parseStrictJson } from "./json.ts";
export { MAX_TEXT_BYTES, readAll, readJson, readSmall, readText, withFile } from "./read.ts";
export { bytesSink, type Sink, type SinkFile } from "./sink.ts";
export type { Source, SourceFile } from "./source.ts";
