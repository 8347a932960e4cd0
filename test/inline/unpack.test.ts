import { pack } from "../../scripts/pack.mjs";
import { FormatError } from "../../src/errors.ts";
import type { Inlined } from "../../src/inline/inlined.ts";
import { unpack } from "../../src/inline/unpack.ts";
import { relaxed } from "../../src/kernels/generated/relaxed.ts";
import { rest } from "../../src/kernels/generated/rest.ts";
import { REST } from "../../src/kernels/rest.ts";
import { moduleBytes } from "../../src/kernels/wasm-module.ts";
import { suite } from "../harness.ts";
import { randomSource } from "../random.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const random = (n: number, most: number) => {
  const next = randomSource(7);
  return Uint8Array.from({ length: n }, () => next() * most);
};
const CAT = "the cat sat on the mat; the cat sat on the hat. ";

/** What is packed, and the most bytes that may come of it. */
const PACKED: [what: string, bytes: Uint8Array, most: number][] = [
  ["nothing", new Uint8Array(0), 4],
  ["one byte", Uint8Array.of(200), 6],
  ["a text without repetitions", utf8("Sphinx of black quartz, judge my vow"), 40],
  ["copies of what came before", utf8(CAT.repeat(40)), 70],
  ["a copy that reaches into itself", new Uint8Array(20_000).fill(97), 24],
  ["noise", random(5_000, 256), 5_700],
  ["every byte", Uint8Array.from({ length: 512 }, (_, i) => i), 300],
  [
    "a copy from far away",
    Uint8Array.from([...random(3_000, 255), ...new Uint8Array(20_000), ...random(3_000, 255)]),
    3_500,
  ],
];

suite("inline/unpack", ({ test, assert }) => {
  for (const [what, bytes, most] of PACKED) {
    test(`what is packed comes back, out of at most ${most} bytes: ${what}`, () => {
      const packed = pack(bytes);
      assert.deepEqual(unpack([{ packed, size: bytes.length }]), [bytes]);
      assert.atMost(packed.length, most);
    });
  }

  test("what is packed to come after other bytes comes back after them, out of fewer bytes where they are alike", () => {
    const [before, bytes] = [random(2_000, 256), random(2_000, 256).reverse()];
    const again = Uint8Array.from([...bytes.subarray(0, 500), ...before]);
    const parts = [
      { packed: pack(before), size: before.length },
      { packed: pack(again, before), size: again.length },
    ];
    assert.deepEqual(unpack(parts), [before, again]);
    assert.atMost(parts[1].packed.length, 620);
    assert.deepEqual(unpack([parts[0], { packed: pack(new Uint8Array(0), before), size: 0 }]), [
      before,
      new Uint8Array(0),
    ]);
  });

  test("the WASM that the code carries is, with the rest, the one that its hash names, in at most 0.29 and 0.19 of their bytes", async () => {
    const file = moduleBytes("relaxed", REST);
    const bytes = file.subarray(0, relaxed.size);
    const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = [...sha256.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    assert.equal(hex, relaxed.hash);
    const share = ({ packed }: Inlined, size: number) => (packed.length * 3) / 4 / size;
    assert.atMost(share(relaxed, relaxed.size - rest.size), 0.29);
    assert.atMost(share(rest, rest.size), 0.19);
  });

  test("bytes that are cut off, too many, or damaged never hang and never give more than was asked for", () => {
    const bytes = utf8(CAT.repeat(20));
    const packed = pack(bytes);
    const size = bytes.length;
    assert.throws(() => unpack([{ packed: packed.subarray(0, -1), size }]), FormatError, /packed bytes/);
    assert.throws(() => unpack([{ packed: Uint8Array.of(...packed, 0), size }]), FormatError, /packed bytes/);
    for (let at = 0; at < packed.length; at++) {
      const damaged = packed.slice();
      damaged[at] ^= 0x55;
      try {
        const [out] = unpack([{ packed: damaged, size }]);
        assert.equal(out.length, size);
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
      }
    }
  });
});
