/**
 * Where bytes come from and go to. Nothing here knows a runtime; paths are opened by `#platform`, and `src/open.ts` tells what is what.
 * @module
 */
export { abortableSource, orAbort } from "./abortable.ts";
export { type BlobInput, blobSource, type DirectoryHandle } from "./blob.ts";
export { type Bytes, bytesFile, bytesSource, isSource } from "./bytes.ts";
export { callersSource, checkedSource } from "./checked.ts";
export { type Dropped, droppedFiles } from "./dropped.ts";
export { JsonScanner, type JsonValue, parseStrictJson } from "./json.ts";
export { ifThere, MAX_TEXT_BYTES, readAll, readJson, readSmall, readText, together, withFile } from "./read.ts";
export { bytesSink, type Sink, type SinkFile } from "./sink.ts";
export type { ListedSource, Opened, OpenOptions, Source, SourceFile } from "./source.ts";
