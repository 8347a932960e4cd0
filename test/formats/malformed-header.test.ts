import { FormatError } from "../../src/errors.ts";
import { MAX_TENSORS } from "../../src/formats/safetensors/header.ts";
import { openSafetensors } from "../../src/formats/safetensors/index.ts";
import { suite } from "../harness.ts";
import { checkFaults, craft, entry, type Fault } from "./craft.ts";

const u8 = '"dtype":"U8","shape":[1],"data_offsets":[0,1]';
const tensor = (text: string) => `{"a":{${text}}}`;

const FAULTS: Fault[] = [
  // The frame.
  { title: "an empty file", file: new Uint8Array(0), code: "truncated", got: 0 },
  { title: "7 bytes", file: new Uint8Array(7), code: "truncated", got: 7, expected: "at least 8 bytes" },
  { title: "a header of no bytes", file: craft("", 4), code: "header", got: 0n },
  {
    title: "a header longer than the file",
    file: craft("{}", 0, 3),
    code: "truncated",
    got: 10,
    expected: "at least 11 bytes",
  },
  { title: "a header of 100 000 001 bytes", file: craft("{}", 0, 100_000_001), code: "header", got: 100_000_001n },
  { title: "a header of 2^64 - 1 bytes", file: craft("{}", 0, 2n ** 64n - 1n), code: "header", got: 2n ** 64n - 1n },
  { title: "a header of 2^63 bytes", file: craft("{}", 0, 2n ** 63n), code: "header", got: 2n ** 63n },
  {
    title: "a Git LFS pointer in place of the file",
    file: new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    code: "header",
    expected: "the file itself (git lfs pull)",
  },
  { title: "a header that begins with a space", file: craft(" {}"), code: "header", got: 0x20 },
  { title: "a header that begins with a byte order mark", file: craft("\ufeff{}"), code: "header", got: 0xef },
  { title: "a header that is a list", file: craft("[]"), code: "header", got: 0x5b },
  { title: "a header padded with line ends", file: craft("{}\n\n"), code: "header", expected: "spaces" },
  { title: "a header padded with zero bytes", file: craft("{}\0\0"), code: "header", got: "\0\0" },
  { title: "a second object behind the header's", file: craft("{} {}"), code: "header", got: "{}" },
  // JSON.
  { title: "bytes that are no UTF-8", file: craft(Uint8Array.of(0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d)), code: "utf8" },
  { title: "a header that ends inside its object", file: craft('{"a":{"dtype"'), code: "json", tensor: undefined },
  { title: "a comma too many", file: craft(`{"a":{${u8}},}`, 1), code: "json" },
  { title: "a comment", file: craft(`{/**/"a":{${u8}}}`, 1), code: "json" },
  { title: "a control character in a name", file: craft(`{"\u0001":{${u8}}}`, 1), code: "json" },
  { title: "half a surrogate pair in a name", file: craft(`{"\\ud800":{${u8}}}`, 1), code: "json" },
  { title: "a name that comes twice", file: craft(`{"a":{${u8}},"a":{${u8}}}`, 1), code: "duplicate_key", tensor: "a" },
  {
    title: "a name that comes twice, once with an escape",
    file: craft(`{"a":{${u8}},"\\u0061":{${u8}}}`, 1),
    code: "duplicate_key",
    tensor: "a",
  },
  {
    title: "a field that comes twice",
    file: craft(tensor(`${u8},"shape":[1]`), 1),
    code: "duplicate_key",
    tensor: "a",
  },
  {
    title: "__metadata__ that comes twice",
    file: craft('{"__metadata__":{},"__metadata__":{}}'),
    code: "duplicate_key",
  },
  {
    title: "a metadata key that comes twice",
    file: craft('{"__metadata__":{"a":"1","a":"1"}}'),
    code: "duplicate_key",
  },
  // __metadata__.
  { title: "__metadata__ that is a list", file: craft({ __metadata__: [] }), code: "metadata" },
  { title: "__metadata__ that is null", file: craft({ __metadata__: null }), code: "metadata" },
  { title: "a number in __metadata__", file: craft({ __metadata__: { a: 1 } }), code: "metadata" },
  { title: "an object in __metadata__", file: craft({ __metadata__: { a: {} } }), code: "metadata" },
];

suite("safetensors/malformed header", (harness) => {
  const { test, assert } = harness;
  checkFaults(harness, FAULTS);

  test("a million tensors of no bytes are refused at the limit, not stored", async () => {
    const one = '":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
    const names = Array.from({ length: MAX_TENSORS + 1 }, (_, i) => `"${i}${one}`);
    const error = (await assert.rejects(
      () => openSafetensors(craft(`{${names.join(",")}}`)),
      FormatError,
    )) as FormatError;
    assert.equal(error.code, "safetensors_limit");
  });

  test("50 MB of nested lists, of backslashes or of digits are refused without a stack overflow", async () => {
    for (const [before, filler] of [
      ['{"a":{"dtype":"U8","shape":', "["],
      ['{"', "\\"],
      ['{"a":{"dtype":"U8","shape":[', "1"],
    ]) {
      await assert.rejects(() => openSafetensors(craft(before + filler.repeat(50_000_000))), FormatError);
    }
  });

  test("a name of a megabyte is whole in the error's field and short in its message", async () => {
    const name = "n".repeat(1_000_000);
    const error = (await assert.rejects(
      () => openSafetensors(craft({ [name]: entry("X", [], 0, 0) })),
      FormatError,
    )) as FormatError;
    assert.equal(error.tensor, name);
    assert.atMost(error.message.length, 1000);
  });

  test("a header that promises 100 MB in a file of 20 bytes is refused with no more than 9 bytes read", async () => {
    let read = 0;
    const bytes = craft("{}", 10, 99_999_999);
    const file = {
      size: bytes.length,
      read: async (offset: number, length: number) => {
        read += length;
        return bytes.slice(offset, offset + length);
      },
    };
    await assert.rejects(() => openSafetensors(file), FormatError, /ends inside its header/);
    assert.atMost(read, 9);
  });
});
