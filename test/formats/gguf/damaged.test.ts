import { PhiError } from "../../../src/errors.ts";
import { openGguf } from "../../../src/formats/gguf/index.ts";
import { readFixture } from "../../fixtures.ts";
import { suite } from "../../harness.ts";
import { randomSource } from "../../random.ts";
import { craft, f32s, floats, i32s, texts, u32 } from "./craft.ts";

const FILES = 6000;

suite("gguf/damaged", ({ test, assert, engine }) => {
  test(`${FILES} damaged files: each opens and gives its tensors, or throws a PhiError; no read goes past the file`, async () => {
    const whole = [
      await readFixture(engine, "gguf/types.gguf"),
      craft({
        metadata: [
          ["general.alignment", u32(32)],
          ["tokens", texts(["a", "bc", "<|end|>", "é"])],
          ["types", i32s([1, 1, 3, 1])],
          ["scores", f32s([0, -1, -2, -3])],
        ],
        tensors: [
          floats("a", [1, 2, 3]),
          { name: "q", axes: [32, 2], type: 2, data: new Uint8Array(36) },
          floats("b", [4]),
        ],
      }),
    ];
    const next = randomSource(7);
    const below = (n: number) => Math.floor(next() * n);
    const codes = new Map<string, number>();
    for (let i = 0; i < FILES; i++) {
      let bytes = whole[i % whole.length].slice();
      for (let n = 1 + below(3); n > 0; n--) {
        const at = below(bytes.length);
        const kind = below(5);
        if (kind === 0) bytes[at] ^= 1 << below(8);
        else if (kind === 1) bytes.fill(255, at, at + 1 + below(8));
        else if (kind === 2) bytes[at] = below(256);
        else if (kind === 3) bytes = bytes.slice(0, Math.max(at, 1));
        else bytes.copyWithin(at, below(bytes.length), below(bytes.length));
      }
      const file = {
        size: bytes.length,
        async read(offset: number, length: number, into = new Uint8Array(length)) {
          assert.ok(offset >= 0 && length >= 0 && offset + length <= bytes.length, `read ${offset} + ${length}`);
          into.set(bytes.subarray(offset, offset + length));
          return into.subarray(0, length);
        },
      };
      try {
        const opened = await openGguf(file);
        for (const { name } of opened.tensors.values()) await opened.toFloat32(name);
        codes.set("opened", (codes.get("opened") ?? 0) + 1);
      } catch (error) {
        if (!(error instanceof PhiError)) throw error;
        codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
      }
    }
    // Both ends of it were tried: files that are still good, and every kind of check.
    for (const code of ["opened", "gguf_truncated", "gguf_type", "gguf_header", "gguf_version", "gguf_shape", "utf8"])
      assert.ok((codes.get(code) ?? 0) > 20, `${code}: ${JSON.stringify([...codes])}`);
  });
});
