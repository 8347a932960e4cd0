import { FormatError } from "../../src/errors.ts";
import { inflate } from "../../src/inline/inflate.ts";
import { inlinedBytes } from "../../src/inline/inlined.ts";
import { relaxed } from "../../src/kernels/generated/relaxed.ts";
import { suite } from "../harness.ts";

const CAT = "the cat sat on the mat; the cat sat on the hat. ";
const utf8 = (text: string) => new TextEncoder().encode(text);
const base64 = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** What zlib (Node's `deflateRawSync`) makes: its settings, what it was given, base64 of what it gave. */
const MADE_BY_ZLIB: [settings: string, bytes: Uint8Array, deflated: string][] = [
  ["fixed codes", utf8(CAT.repeat(8)), "K8lIVUhOLFEoTixRyM9TKMlIVchNLLEGM9DEMxJL9LCJj6qnQD0A"],
  [
    "codes of its own, no copies",
    utf8(CAT.repeat(3).slice(0, 120)),
    "BcExDcAwEARBKosgBILmZL10TezCy1+ZscOK3MjZ2OGLL3ZYkRs5Gzs0PthhRW7kbOzwxRc7rMiNnI0dGh/ssCI3cjZ2+OLLDw==",
  ],
  [
    "copies that reach into themselves",
    new Uint8Array(70000).fill(97),
    "7cExAQAAAMKgrPYvsRKewAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACAuwA=",
  ],
  ["a stored block", utf8(CAT), "ATAAz/90aGUgY2F0IHNhdCBvbiB0aGUgbWF0OyB0aGUgY2F0IHNhdCBvbiB0aGUgaGF0LiA="],
  ["nothing, coded", new Uint8Array(0), "AwA="],
  ["nothing, stored", new Uint8Array(0), "AQAA//8="],
];

/** Bits in the order of the stream: numbers lowest bit first, codes as strings of 0 and 1. */
function stream(...parts: (string | [value: number, bits: number])[]): Uint8Array {
  const bits = parts
    .map((p) => (typeof p === "string" ? p : Array.from({ length: p[1] }, (_, i) => (p[0] >> i) & 1).join("")))
    .join("");
  return Uint8Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) =>
    [...bits.slice(8 * i, 8 * i + 8)].reduce((sum, bit, j) => sum | (Number(bit) << j), 0),
  );
}

const LAST: [number, number] = [1, 1];
const type = (n: number): [number, number] => [n, 2];
const END = "0000000"; // of a block with fixed codes
const A = "10010001"; // the literal 97 there

suite("inline/inflate", ({ test, assert }) => {
  for (const [settings, bytes, deflated] of MADE_BY_ZLIB) {
    test(`what zlib deflates comes back: ${settings}`, () => {
      assert.deepEqual(inflate(base64(deflated), bytes.length), bytes);
    });
  }

  test("the WASM that the code carries comes out of our own inflate as out of the platform's", () => {
    assert.deepEqual(inflate(base64(relaxed.deflated), relaxed.size), inlinedBytes(relaxed));
  });

  test("several blocks of different types make one output, and copies reach over their borders", () => {
    const stored: [number, number][] = [
      [0, 5],
      [3, 16],
      [0xfffc, 16],
      ...[98, 99, 100].map((b): [number, number] => [b, 8]),
    ];
    // a | bcd | copy of 3 from 4 back, end: length 3 is code 0000001, distance 4 code 00011
    const bits = stream(
      [0, 1],
      type(1),
      A,
      END,
      [0, 1],
      type(0),
      [0, 3],
      ...stored.slice(1),
      LAST,
      type(1),
      "0000001",
      "00011",
      END,
    );
    assert.equal(new TextDecoder().decode(inflate(bits, 7)), "abcdabc");
  });

  if (typeof CompressionStream === "function") {
    test("what this engine's CompressionStream deflates comes back: 16 texts and noises of 0 to 200,000 bytes", async () => {
      for (let i = 0; i < 16; i++) {
        let state = 12345 + i;
        const range = [2, 17, 90, 256][i % 4];
        const bytes = Uint8Array.from({ length: Math.round(200_000 * (i / 15) ** 3) }, () => {
          state = (Math.imul(state, 1103515245) + 12345) >>> 0;
          return (state >>> 16) % range;
        });
        const deflated = new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw")));
        assert.deepEqual(
          inflate(new Uint8Array(await deflated.arrayBuffer()), bytes.length),
          bytes,
          `${bytes.length} bytes`,
        );
      }
    });
  } else {
    test.skip("what this engine's CompressionStream deflates comes back", "it has none");
  }

  test("a stream that is cut anywhere, or followed by a byte, or of another size than said, is a FormatError", () => {
    for (const [, bytes, deflated] of MADE_BY_ZLIB) {
      const whole = base64(deflated);
      for (let n = 0; n < whole.length; n++) {
        assert.throws(() => inflate(whole.subarray(0, n), bytes.length), FormatError, /inflate/);
      }
      assert.throws(() => inflate(Uint8Array.of(...whole, 0), bytes.length), FormatError, /behind/);
      assert.throws(() => inflate(whole, bytes.length + 1), FormatError, /expected/);
      if (bytes.length > 0) assert.throws(() => inflate(whole, bytes.length - 1), FormatError, /more than/);
    }
  });

  test("a stream with any one bit turned ends in a FormatError or in bytes of the size said", () => {
    for (const [, bytes, deflated] of MADE_BY_ZLIB) {
      const whole = base64(deflated);
      for (let bit = 0; bit < 8 * whole.length; bit++) {
        const turned = whole.slice();
        turned[bit >> 3] ^= 1 << (bit & 7);
        try {
          assert.equal(inflate(turned, bytes.length).length, bytes.length);
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      }
    }
  });

  /** A dynamic block's head: 257 literals, 1 distance, all 19 lengths of the code of lengths, by symbol. */
  const dynamic = (lengths: Record<number, number>): (string | [number, number])[] => {
    const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    return [LAST, type(2), [0, 5], [0, 5], [15, 4], ...order.map((s): [number, number] => [lengths[s] ?? 0, 3])];
  };

  for (const [what, bits, message] of [
    ["an unknown block type", stream(LAST, type(3)), /unknown type/],
    ["stored lengths that differ", stream(LAST, type(0), [0, 5], [3, 16], [3, 16]), /lengths differ/],
    ["a copy from before the beginning", stream(LAST, type(1), A, "0000001", "00001", END), /before the beginning/],
    ["a length symbol that is none", stream(LAST, type(1), "11000110", "00000", END), /length that is none/],
    ["a distance symbol that is none", stream(LAST, type(1), A, "0000001", "11110", END), /distance that is none/],
    ["too many literals", stream(LAST, type(2), [30, 5], [0, 5], [0, 4]), /287 literals/],
    ["too many distances", stream(LAST, type(2), [0, 5], [30, 5], [0, 4]), /31 distances/],
    ["a code with too many short lengths", stream(...dynamic({ 0: 1, 1: 1, 2: 1 }), [0, 16]), /more codes/],
    ["a code with a hole", stream(...dynamic({ 0: 2, 1: 2, 2: 2 }), [0, 16]), /fewer codes/],
    ["no code of lengths at all", stream(...dynamic({}), [0, 16]), /no code/],
    ["a repeat with nothing before it", stream(...dynamic({ 16: 1, 0: 1 }), "1", [0, 16]), /repeats/],
    [
      "a repeat beyond the last length",
      stream(...dynamic({ 18: 1, 0: 1 }), "1", [127, 7], "1", [127, 7], [0, 8]),
      /more lengths/,
    ],
    [
      "a block that cannot end",
      stream(...dynamic({ 18: 1, 1: 1 }), "0", "1", [127, 7], "1", [107, 7], "0"),
      /without an end/,
    ],
  ] as [string, Uint8Array, RegExp][]) {
    test(`${what} is a FormatError that says so`, () => {
      assert.throws(() => inflate(bits, 4), FormatError, message);
    });
  }

  test("inlined bytes come out as they went in", () => {
    const [, bytes, deflated] = MADE_BY_ZLIB[0];
    assert.deepEqual(inlinedBytes({ size: bytes.length, deflated }), bytes);
  });
});
