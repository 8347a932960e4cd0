import { FormatError } from "../../src/errors.ts";
import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import type { Harness } from "../harness.ts";

/** A file by hand, whatever is wrong with it: length field, header text, data. */
export function craft(
  header: string | Record<string, unknown> | Uint8Array,
  data: number | Uint8Array = 0,
  length?: number | bigint,
): Uint8Array {
  const json =
    header instanceof Uint8Array
      ? header
      : new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = typeof data === "number" ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + json.length + bytes.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length ?? json.length), true);
  file.set(json, 8);
  file.set(bytes, 8 + json.length);
  return file;
}

/** A header's entry. */
export const entry = (dtype: string, shape: unknown, begin: unknown, end: unknown) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

/** A malformed file, and what the error that it gets must say. */
export interface Fault {
  title: string;
  file: Uint8Array;
  /** Code of the FormatError, without "safetensors_". */
  code: string;
  tensor?: string;
  got?: unknown;
  expected?: unknown;
}

const UNPREFIXED = ["json", "utf8", "duplicate_key"];

/** One test per malformed file. */
export function checkFaults({ test, assert }: Harness, faults: readonly Fault[]): void {
  for (const fault of faults) {
    const code = UNPREFIXED.includes(fault.code) ? fault.code : `safetensors_${fault.code}`;
    test(`${fault.title}: FormatError ${code}`, async () => {
      const opening = openSafetensors(fault.file, { file: "bad.safetensors" });
      const error = (await assert.rejects(opening, FormatError, /file bad\.safetensors/)) as FormatError;
      assert.equal(error.code, code, error.message);
      assert.equal(error.file, "bad.safetensors");
      for (const field of ["tensor", "got", "expected"] as const) {
        if (field in fault) assert.deepEqual(error[field], fault[field], field);
      }
    });
  }
}
