import { FormatError, OptionError, SourceError } from "../../../src/errors.ts";
import { type Gguf, openGguf } from "../../../src/formats/gguf/index.ts";
import { bytesSource } from "../../../src/source/index.ts";
import { readFixture } from "../../fixtures.ts";
import { suite } from "../../harness.ts";
import { craft, floats, i32, texts, u16, u32 } from "./craft.ts";

/** Metadata of file `no` of `count`. */
const split = (no: number, count: number, tensors: number) =>
  [
    ["split.no", u16(no)],
    ["split.count", u16(count)],
    ["split.tensors.count", i32(tensors)],
  ] as const;

const name = (no: number, count: number) => `m-0000${no}-of-0000${count}.gguf`;

suite("gguf/read", ({ test, assert, engine }) => {
  test("a file of the gguf package: every type of value, and tensors of three types as it wrote them", async () => {
    const file = await openGguf(await readFixture(engine, "gguf/types.gguf"));
    assert.equal(file.version, 3);
    assert.deepEqual(Object.fromEntries(file.metadata), {
      "general.architecture": "test",
      "v.u8": 255,
      "v.i8": -128,
      "v.u16": 65535,
      "v.i16": -32768,
      "v.u32": 2 ** 32 - 1,
      "v.i32": -(2 ** 31),
      "v.u64": 2n ** 64n - 1n,
      "v.i64": -(2n ** 63n),
      "v.u64.exact": 2 ** 53 - 1,
      "v.f32": Math.fround(0.1),
      "v.f64": 0.1,
      "v.true": true,
      "v.false": false,
      "v.string": "naïve 漢字 🙂",
      "a.i32": new Int32Array([1, -2, 3]),
      "a.f32": new Float32Array([0.5, -0.25]),
      "a.bool": [true, false],
      "a.string": ["Ġa", "", "<|end|>"],
      "a.nested": [new Int32Array([1, 2]), new Int32Array([3])],
    });
    const listed = [...file.tensors.values()].map(({ name, dtype, shape, byteLength }) => [
      name,
      dtype,
      shape,
      byteLength,
    ]);
    assert.deepEqual(listed, [
      ["m", "F32", [2, 3], 24],
      ["h", "F16", [4], 8],
      ["q", "Q8_0", [2, 64], 136],
    ]);
    assert.deepEqual(await file.toFloat32("m"), new Float32Array([0, 1, 2, 3, 4, 5]));
    assert.deepEqual(await file.toFloat32("h"), new Float32Array([0, 1, 2, 3]));
    const line = Array.from({ length: 128 }, (_, i) => -1 + (2 * i) / 127);
    assert.close(await file.toFloat32("q"), line, 1 / 254 + 1e-3);
    assert.deepEqual(await file.readInto("m", 4, new Uint8Array(8)), new Uint8Array(new Float32Array([1, 2]).buffer));
  });

  test("version 2, another alignment, an empty tensor, a scalar, bytes that no tensor has", async () => {
    const empty = { ...floats("empty", []), axes: [0] };
    const scalar = { ...floats("scalar", [7]), axes: [] };
    const metadata = [["general.alignment", u32(64)]] as const;
    const file = await openGguf(
      craft({ version: 2, alignment: 64, metadata, tensors: [empty, scalar, floats("b", [8])] }),
    );
    assert.equal(file.version, 2);
    assert.deepEqual(
      [...file.tensors.values()].map((t) => [t.name, t.shape, t.offset % 64]),
      [
        ["empty", [0], 0],
        ["scalar", [], 0],
        ["b", [1], 0],
      ],
    );
    assert.deepEqual(await file.toFloat32("empty"), new Float32Array(0));
    assert.deepEqual(await file.toFloat32("scalar"), new Float32Array([7]));
  });

  test("a header of 2 MB is read in steps of twice the bytes, by ranges that do not repeat; the tensors' bytes only when asked for", async () => {
    const words = Array.from({ length: 30_000 }, (_, i) => `${"é".repeat(i % 60)}${i}`);
    const bytes = craft({ metadata: [["words", texts(words)]], tensors: [floats("t", new Array(1_000_000).fill(1))] });
    const reads: number[][] = [];
    const file = {
      size: bytes.length,
      async read(offset: number, length: number, into = new Uint8Array(length)) {
        reads.push([offset, length]);
        into.set(bytes.subarray(offset, offset + length));
        return into.subarray(0, length);
      },
    };
    const opened = await openGguf(file);
    assert.deepEqual(opened.metadata.get("words"), words);
    let end = 0;
    for (const [offset, length] of reads) {
      assert.equal(offset, end);
      end += length;
    }
    const header = opened.tensors.get("t")?.offset as number;
    assert.atMost(end, 2 * header);
  });

  test("three files are one checkpoint, whichever of them is named; each tensor is read from its own", async () => {
    const parts = [0, 1, 2].map((i) => craft({ metadata: split(i, 3, 3), tensors: [floats(`t${i}`, [i, 10 + i])] }));
    const source = bytesSource(new Map(parts.map((bytes, i) => [name(i + 1, 3), bytes])));
    const folder = (file: string) => openGguf(source, { file });
    for (const open of [() => openGguf(source), () => folder(name(1, 3)), () => folder(name(3, 3))]) {
      const file: Gguf = await open();
      assert.deepEqual(
        [...file.tensors.values()].map((t) => [t.name, t.file]),
        [
          ["t0", name(1, 3)],
          ["t1", name(2, 3)],
          ["t2", name(3, 3)],
        ],
      );
      assert.deepEqual(await file.toFloat32("t2"), new Float32Array([2, 12]));
      await file.close();
    }
  });

  const broken: [
    title: string,
    files: Record<string, Uint8Array>,
    kind: typeof FormatError | typeof SourceError,
    code: string,
  ][] = [
    [
      "a second file that is not there",
      { [name(1, 2)]: craft({ metadata: split(0, 2, 0) }) },
      SourceError,
      "not_found",
    ],
    ["a first file under another name", { "m.gguf": craft({ metadata: split(0, 2, 0) }) }, FormatError, "gguf_split"],
    [
      "two first files",
      { [name(1, 2)]: craft({ metadata: split(0, 2, 0) }), [name(2, 2)]: craft({ metadata: split(0, 2, 0) }) },
      FormatError,
      "gguf_split",
    ],
    [
      "fewer tensors than declared",
      { [name(1, 2)]: craft({ metadata: split(0, 2, 1) }), [name(2, 2)]: craft({ metadata: split(1, 2, 1) }) },
      FormatError,
      "gguf_split",
    ],
    [
      "one tensor in two files",
      {
        [name(1, 2)]: craft({ metadata: split(0, 2, 2), tensors: [floats("t", [1])] }),
        [name(2, 2)]: craft({ metadata: split(1, 2, 2), tensors: [floats("t", [1])] }),
      },
      FormatError,
      "gguf_duplicate",
    ],
    ["65,535 files", { "m-00001-of-65535.gguf": craft({ metadata: split(0, 65535, 0) }) }, FormatError, "gguf_split"],
    ["two checkpoints in a folder", { "a.gguf": craft(), "b.gguf": craft() }, SourceError, "several"],
    ["no checkpoint in a folder", { "mmproj-a.gguf": craft() }, SourceError, "not_found"],
  ];
  for (const [title, files, kind, code] of broken) {
    test(`${title}: ${kind.name} ${code}, and every file that was opened is closed`, async () => {
      let open = 0;
      const inner = bytesSource(files);
      const source = {
        list: () => inner.list(),
        async open(file: string) {
          const opened = await inner.open(file);
          open++;
          return { ...opened, close: async () => void open-- };
        },
      };
      const error = await assert.rejects(openGguf(source), kind);
      assert.equal((error as FormatError).code, code, (error as Error).message);
      assert.equal(open, 0);
    });
  }

  test("a file alone that is one of several is refused, as are unknown options, names and ranges", async () => {
    const alone = openGguf(craft({ metadata: split(0, 2, 0) }), { file: name(1, 2) });
    await assert.rejects(alone, FormatError, /alone/);
    await assert.rejects(openGguf(craft(), { name: "x" } as object), OptionError, /unknown option "name"/);
    const file = await openGguf(
      craft({ tensors: [floats("t", [1]), { ...floats("iq", []), axes: [256], type: 16, data: new Uint8Array(66) }] }),
    );
    await assert.rejects(file.read("u"), FormatError, /no tensor of that name/);
    await assert.rejects(file.readInto("t", 1, new Uint8Array(4)), SourceError, /bytes 1 to 5.*0 to 4/);
    await assert.rejects(file.toFloat32("iq"), FormatError, /IQ2_XXS/);
  });
});
