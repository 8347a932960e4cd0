import { JsonScanner } from "../../source/json.ts";
import { MAX_RANK, type SafetensorsDType } from "./dtype.ts";
import { type Fault, fault } from "./fault.ts";
import { checkDType, type Entry } from "./layout.ts";

/** The header of a file: its tensors in the order of the text, and what `__metadata__` says. */
export interface Header {
  entries: Entry[];
  metadata: Map<string, string>;
}

/** Tensors in one file, at most. The largest mixture-of-experts checkpoints have fewer in all their shards together. */
export const MAX_TENSORS = 262_144;

/**
 * Reads the JSON of a header: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {"key": "text"}}, padded
 * with spaces. The JSON is walked with this structure in mind, so depth is bounded and every fault knows its tensor; a field that the format
 * does not have is refused, since it could change what the others mean.
 * Source: the format description in the README of huggingface/safetensors.
 * @throws FormatError; the sizes are checked by `checkLayout`
 */
export function parseHeader(text: string, file: string): Header {
  const json = new JsonScanner(text, file);
  const entries: Entry[] = [];
  const metadata = new Map<string, string>();
  json.object(
    (name) => {
      if (name === "__metadata__") readMetadata(json, metadata);
      else if (entries.push(readEntry(json, name)) > MAX_TENSORS) {
        throw fault("limit", { what: "too many tensors in one file", file, expected: `at most ${MAX_TENSORS}` });
      }
    },
    (name, at) => json.fail("this name comes twice in the header", { at, tensor: name, code: "duplicate_key" }),
  );
  for (let i = json.at; i < text.length; i++) {
    if (text[i] === " ") continue;
    const got = text.slice(i, i + 20);
    throw fault("header", {
      what: `text behind the header's object, at character ${i}`,
      file,
      got,
      expected: "spaces",
    });
  }
  return { entries, metadata };
}

function readMetadata(json: JsonScanner, metadata: Map<string, string>): void {
  const wrong = (what: string) =>
    json.fail(what, { expected: "a map of texts to texts", code: "safetensors_metadata" });
  if (json.peek() !== "{") wrong("__metadata__ is no object");
  json.object(
    (key) => {
      if (json.peek() !== '"') wrong(`the value of __metadata__ ${JSON.stringify(key.slice(0, 80))} is no text`);
      metadata.set(key, json.string());
    },
    (key, at) =>
      json.fail(`__metadata__ has the key ${JSON.stringify(key.slice(0, 80))} twice`, { at, code: "duplicate_key" }),
  );
}

function readEntry(json: JsonScanner, tensor: string): Entry {
  const wrong = (kind: Fault, what: string, expected: string, got?: unknown) =>
    json.fail(what, { tensor, expected, code: `safetensors_${kind}`, ...(got !== undefined && { got }) });

  const wholeNumber = (kind: Fault, what: string): number => {
    const c = json.peek();
    if (c !== "-" && !(c >= "0" && c <= "9")) wrong(kind, `${what} is no number`, "a whole number");
    const token = json.number();
    const n = /^[0-9]+$/.test(token) ? Number(token) : Number.NaN;
    return n <= Number.MAX_SAFE_INTEGER ? n : wrong(kind, what, "a whole number from 0 to 2^53 - 1", token);
  };
  const wholeNumbers = (kind: Fault, what: string, max: number): number[] => {
    if (json.peek() !== "[") wrong(kind, `${what} is no list`, "a list of whole numbers");
    const list: number[] = [];
    json.array((i) => {
      if (i >= max) wrong(kind, `${what} is too long`, `at most ${max} numbers`, `${i + 1} or more`);
      list.push(wholeNumber(kind, `${what}[${i}]`));
    });
    return list;
  };

  let dtype: SafetensorsDType | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  if (json.peek() !== "{") wrong("header", "no object", "an object with dtype, shape and data_offsets");
  json.object(
    (field) => {
      if (field === "dtype") {
        const given = json.peek() === '"' ? json.string() : wrong("dtype", "dtype is no text", "a text such as F32");
        checkDType(given, tensor, json.file);
        dtype = given;
      } else if (field === "shape") shape = wholeNumbers("shape", "shape", MAX_RANK);
      else if (field === "data_offsets") offsets = wholeNumbers("offsets", "data_offsets", 2);
      else wrong("header", "unknown field", "dtype, shape and data_offsets", field);
    },
    (field, at) =>
      json.fail(`the field ${JSON.stringify(field.slice(0, 80))} comes twice`, { at, tensor, code: "duplicate_key" }),
  );
  if (!dtype || !shape || !offsets) {
    const got = Object.entries({ dtype, shape, data_offsets: offsets }).flatMap(([field, v]) => (v ? [field] : []));
    throw fault("header", {
      what: "a field is missing",
      file: json.file,
      tensor,
      got,
      expected: "dtype, shape and data_offsets",
    });
  }
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin > end) {
    throw fault("offsets", {
      what: "data_offsets",
      file: json.file,
      tensor,
      got: offsets,
      expected: "[begin, end], begin ≤ end",
    });
  }
  return { name: tensor, dtype, shape, begin, end };
}
