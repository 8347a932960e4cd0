import { SourceError } from "../errors.ts";

/**
 * The checks that every {@link SourceFile.read} makes before it touches memory.
 * @returns where the bytes go: the first `length` bytes of `into`, or fresh memory
 * @throws SourceError if the range is no range of the file, or `into` is too short
 */
export function checkRange(file: string, size: number, offset: number, length: number, into?: Uint8Array): Uint8Array {
  const whole = (n: number) => Number.isSafeInteger(n) && n >= 0;
  if (!whole(offset) || !whole(length)) {
    throw new SourceError({ what: "offset and length must be whole numbers", file, got: `${offset} and ${length}` });
  }
  if (offset + length > size) {
    throw new SourceError({
      what: "read past the end of the file",
      file,
      got: `bytes ${offset} to ${offset + length}`,
      expected: `at most ${size}`,
    });
  }
  if (into === undefined) return freshBytes(file, length);
  if (into.length < length) {
    throw new SourceError({
      what: "the place to read into is too short",
      file,
      got: into.length,
      expected: `at least ${length} bytes`,
    });
  }
  return into.subarray(0, length);
}

function freshBytes(file: string, length: number): Uint8Array {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new SourceError({ what: "the engine gave no memory to read into", file, got: `${length} bytes`, cause });
  }
}

/**
 * A Source is flat, and names in it often come from files that strangers wrote: a name may not lead anywhere else.
 * @param from where the name was found, for the message
 * @throws SourceError (code "bad_name") unless `name` is the plain name of a file
 */
export function checkName(name: unknown, from?: string): asserts name is string {
  if (isPlainName(name)) return;
  throw new SourceError(
    {
      what: "not the plain name of a file",
      file: from,
      got: name,
      expected: 'no "/", "\\", ":", ".." or control character',
    },
    "bad_name",
  );
}

/** The same question without an error. */
export function isPlainName(name: unknown): name is string {
  return (
    typeof name === "string" && name !== "" && name !== "." && !name.includes("..") && !/[/\\:\u0000-\u001f]/.test(name)
  );
}

/** @param names what is there, where that is known @returns the SourceError for a file that is not there; its code is "not_found" */
export function notFound(name: string, names: readonly string[] | undefined): SourceError {
  if (!names) return new SourceError({ what: "there is no such file", file: name }, "not_found");
  const seen = names.length > 12 ? [...names.slice(0, 12), "…"] : names;
  return new SourceError(
    {
      what: "there is no such file",
      file: name,
      expected: seen.length ? `one of ${seen.join(", ")}` : "any: the source is empty",
    },
    "not_found",
  );
}
