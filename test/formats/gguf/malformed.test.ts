import { FormatError } from "../../../src/errors.ts";
import { openGguf } from "../../../src/formats/gguf/index.ts";
import { suite } from "../../harness.ts";
import { craft, floats, type Parts, VALUE, type Value, Writer } from "./craft.ts";

const tensor = (over: object) => ({ ...floats("t", [1, 2, 3, 4]), ...over });
const entry = (value: Value): Parts => ({ metadata: [["k", value]] });
const array =
  (type: number, length: number | bigint): Value =>
  (w) =>
    w.u32(VALUE.array).u32(type).u64(length);
const nested =
  (depth: number): Value =>
  (w) => {
    w.u32(VALUE.array);
    for (let i = 1; i < depth; i++) w.u32(VALUE.array).u64(1);
    return w.u32(VALUE.u8).u64(1).u8(7);
  };
const huge = 2n ** 63n;

/** What stands behind the counts, without padding. */
const raw = (tensors: number, entries: number, rest: (w: Writer) => Writer) =>
  rest(new Writer().bytes(new TextEncoder().encode("GGUF")).u32(3).u64(tensors).u64(entries))
    .bytes(new Uint8Array(64))
    .done();

/** What is wrong, the file, the code of its error without "gguf_", and what the message says. */
const FAULTS: [title: string, file: Uint8Array, code: string, says?: RegExp][] = [
  ["nothing at all", new Uint8Array(0), "truncated"],
  ["another magic number", craft({ magic: "GGML" }), "header", /no GGUF file/],
  ["a Git LFS pointer", new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\n"), "header", /LFS/],
  ["version 1", craft({ version: 1 }), "version"],
  ["version 4", craft({ version: 4 }), "version"],
  ["big endian", craft({ version: 3 << 24 }), "version", /big endian/],
  ["a count of tensors that no file has", craft({ tensorCount: huge }), "truncated"],
  ["a count of entries that no file has", craft({ entryCount: 2n ** 53n }), "truncated"],
  ["one tensor too many", craft({ tensorCount: 1 }), "truncated"],
  ["a string longer than the file", craft(entry((w) => w.u32(VALUE.string).text("abc", huge))), "truncated", /"k"/],
  ["a key longer than the file", raw(0, 1, (w) => w.u64(2n ** 62n)), "truncated"],
  ["an array longer than the file", craft(entry(array(VALUE.f32, 2n ** 40n))), "truncated"],
  ["an array of strings longer than the file", craft(entry(array(VALUE.string, 1000))), "truncated"],
  [
    "an array of 5 million bytes",
    craft({ ...entry(array(VALUE.u8, 5_000_000)), data: new Uint8Array(5_000_000) }),
    "limit",
  ],
  ["arrays five deep", craft(entry(nested(5))), "limit", /5 deep/],
  ["a value of type 13", craft(entry((w) => w.u32(13).u64(0))), "type", /got 13/],
  ["an array of type 2^32 - 1", craft(entry(array(2 ** 32 - 1, 1))), "type"],
  ["a bool of 2", craft(entry((w) => w.u32(VALUE.bool).u8(2))), "value"],
  ["a text that is not UTF-8", craft(entry((w) => w.u32(VALUE.string).text(new Uint8Array([0x61, 0xff])))), "utf8"],
  ["a tensor's name that is not UTF-8", craft({ tensors: [tensor({ name: new Uint8Array([0xc3]) })] }), "utf8"],
  [
    "a key that comes twice",
    craft({
      metadata: [
        ["k", (w) => w.u32(VALUE.u8).u8(1)],
        ["k", (w) => w.u32(VALUE.u8).u8(1)],
      ],
    }),
    "duplicate",
  ],
  ["a tensor that comes twice", craft({ tensors: [floats("t", [1]), floats("t", [2])] }), "duplicate"],
  ["an alignment of 24", craft({ metadata: [["general.alignment", (w) => w.u32(VALUE.u32).u32(24)]] }), "value"],
  ["an alignment of 0", craft({ metadata: [["general.alignment", (w) => w.u32(VALUE.u32).u32(0)]] }), "value"],
  [
    "an alignment that is a text",
    craft({ metadata: [["general.alignment", (w) => w.u32(VALUE.string).text("32")]] }),
    "value",
  ],
  ["five axes", craft({ tensors: [tensor({ axes: [1, 1, 1, 1, 4] })] }), "shape"],
  ["2^32 - 1 axes", raw(1, 0, (w) => w.text("t").u32(2 ** 32 - 1)), "shape"],
  ["a size that overflows", craft({ tensors: [tensor({ axes: [2n ** 40n, 2n ** 40n] })] }), "shape", /overflows/],
  ["a size that overflows before a 0", craft({ tensors: [tensor({ axes: [2n ** 40n, 2n ** 40n, 0] })] }), "shape"],
  ["a row of half a block", craft({ tensors: [tensor({ axes: [16], type: 2 })] }), "shape", /multiple of 32/],
  ["a type that ggml has no more", craft({ tensors: [tensor({ type: 4 })] }), "type", /got 4/],
  ["a type of NaN's bits", craft({ tensors: [tensor({ type: 0x7fc00000 })] }), "type"],
  ["an offset that is not aligned", craft({ tensors: [tensor({ offset: 16 })] }), "offset"],
  ["an offset of 2^63", craft({ tensors: [tensor({ offset: huge })] }), "offset"],
  ["a tensor past the end", craft({ tensors: [tensor({ offset: 32 })] }), "truncated", /tensor t/],
  ["data cut off", craft({ tensors: [floats("t", [1, 2, 3])] }).slice(0, -1), "truncated"],
  [
    "two tensors in one place",
    craft({ tensors: [floats("a", [1, 2]), { ...floats("b", [3]), offset: 0 }] }),
    "overlap",
    /tensor a/,
  ],
];

suite("gguf/malformed", ({ test, assert }) => {
  for (const [title, bytes, code, says] of FAULTS) {
    const full = code === "utf8" ? code : `gguf_${code}`;
    test(`${title}: FormatError ${full}`, async () => {
      const error = await assert.rejects(openGguf(bytes, { file: "bad.gguf" }), FormatError, /file bad\.gguf/);
      assert.equal((error as FormatError).code, full, (error as Error).message);
      if (says) assert.ok(says.test((error as Error).message), (error as Error).message);
    });
  }

  test("no read goes past the header's growing start, and none is larger than the file, whatever a file of 4 GB says of itself", async () => {
    const header = craft({ metadata: [["k", (w) => w.u32(VALUE.string).text("abc", 2 ** 31)]] });
    let most = 0;
    const file = {
      size: 2 ** 32,
      async read(offset: number, length: number, into = new Uint8Array(length)) {
        most = Math.max(most, offset + length);
        into.fill(0);
        if (offset < header.length) into.set(header.subarray(offset, offset + length));
        return into.subarray(0, length);
      },
    };
    const error = await assert.rejects(openGguf(file), FormatError, /header too long/);
    assert.equal((error as FormatError).code, "gguf_limit");
    assert.atMost(most, 2 ** 18);
  });
});
