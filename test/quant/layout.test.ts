import { FormatError } from "../../src/errors.ts";
import {
  allocMatrix,
  allocRow,
  dequantizeRow,
  groupsOf,
  packedBytes,
  readQ4Group,
  readQ8Group,
  readRow,
  readZero,
  writeQ4Group,
  writeQ8Group,
  writeZero,
} from "../../src/quant/index.ts";
import { Arena, f16ToF32 } from "../../src/tensor/index.ts";
import { suite } from "../harness.ts";
import { randomSource } from "../random.ts";

const SHAPES: readonly (readonly [number, number])[] = [
  [1, 1],
  [7, 31],
  [8, 32],
  [9, 33],
  [17, 65],
  [24, 129],
];

suite("quant/layout", ({ test, assert }) => {
  const arena = () => new Arena(1 << 16, { name: "quant", wasm: false });

  test("q4: rows 0-3 and 4-7 are vectors of 16 bytes for 8 inputs, low nibbles the first 4 inputs, high nibbles the next 4", () => {
    const m = allocMatrix(arena(), "q4", 8, 64);
    const bytes = new Uint8Array(m.arena.buffer, m.ptr, m.byteLength);
    const row5 = Array.from({ length: 32 }, (_, k) => k & 15);
    writeQ4Group(m, 5, 1, row5, 0xbc01);
    const expected = new Uint8Array(m.byteLength);
    expected.set([0x01, 0xbc], 144 + 2 * 5);
    // Row 5 is the second lane of the second vector of each 8 inputs.
    expected.set([0x40, 0x51, 0x62, 0x73], 144 + 16 + 16 + 4);
    expected.set([0xc8, 0xd9, 0xea, 0xfb], 144 + 16 + 48 + 4);
    expected.set([0x40, 0x51, 0x62, 0x73], 144 + 16 + 80 + 4);
    expected.set([0xc8, 0xd9, 0xea, 0xfb], 144 + 16 + 112 + 4);
    assert.deepEqual([...bytes], [...expected]);
  });

  test("q8: rows 0-3 and 4-7 are vectors of 16 bytes for 4 inputs", () => {
    const m = allocMatrix(arena(), "q8", 8, 64);
    const bytes = new Uint8Array(m.arena.buffer, m.ptr, m.byteLength);
    const row5 = Array.from({ length: 32 }, (_, k) => k - 16);
    writeQ8Group(m, 5, 1, row5, 0xbc01);
    const expected = new Uint8Array(m.byteLength);
    expected.set([0x01, 0xbc], 272 + 2 * 5);
    for (let k = 0; k < 32; k += 4) expected.set([k - 16, k - 15, k - 14, k - 13], 272 + 16 + k * 8 + 16 + 4);
    assert.deepEqual([...bytes], [...expected]);
  });

  test("q4z: a block is z - 8 of 8 rows as int8, then a block of q4", () => {
    const m = allocMatrix(arena(), "q4z", 9, 96);
    assert.deepEqual([m.byteLength, packedBytes("q4z", 8, 96)], [2 * 3 * 152, 3 * 152]);
    const bytes = new Uint8Array(m.arena.buffer, m.ptr, m.byteLength);
    const row5 = Array.from({ length: 32 }, (_, k) => k % 16);
    writeQ4Group(m, 5, 1, row5, 0xbc01);
    const q4 = allocMatrix(arena(), "q4", 9, 96);
    writeQ4Group(q4, 5, 1, row5, 0xbc01);
    writeZero(m, 5, 1, 0);
    writeZero(m, 8, 2, 15);
    const expected = new Uint8Array(m.byteLength);
    expected.set(new Uint8Array(q4.arena.buffer, q4.ptr + 144, 144), 152 + 8);
    expected[152 + 5] = 256 - 8;
    expected[5 * 152] = 7;
    assert.deepEqual([...bytes], [...expected]);
    assert.deepEqual([readZero(m, 5, 1), readZero(m, 8, 2), readZero(m, 0, 0)], [0, 15, 8]);
    for (const zero of [-1, 16, Number.NaN]) assert.throws(() => writeZero(m, 0, 0, zero), FormatError, /zero point/);
  });

  for (const format of ["q4", "q8"] as const) {
    const low = format === "q4" ? 0 : -128;
    const write = format === "q4" ? writeQ4Group : writeQ8Group;
    const read = format === "q4" ? readQ4Group : readQ8Group;

    test(`${format}: every group of every row reads back what was written, and the matrix is filled to its last byte`, () => {
      for (const [N, C] of SHAPES) {
        const next = randomSource(N * 1000 + C);
        const m = allocMatrix(arena(), format, N, C);
        const bytes = new Uint8Array(m.arena.buffer);
        const end = m.ptr + m.byteLength;
        const groups = groupsOf(C);
        const padded = Math.ceil(N / 8) * 8;
        assert.equal(m.byteLength, packedBytes(format, N, C));
        assert.equal(m.byteLength, padded * groups * (format === "q4" ? 18 : 34));
        bytes.fill(0xa5);
        const written: { values: number[]; scale: number }[] = [];
        for (let row = 0; row < padded; row++) {
          for (let g = 0; g < groups; g++) {
            const values = Array.from({ length: 32 }, () => low + Math.floor(next() * (format === "q4" ? 16 : 256)));
            const scale = Math.floor(next() * 65536);
            written.push({ values, scale });
            write(m, row, g, values, scale);
          }
        }
        assert.ok(bytes.subarray(0, m.ptr).every((b) => b === 0xa5) && bytes.subarray(end).every((b) => b === 0xa5));
        const values = new Int8Array(32);
        for (let row = 0; row < padded; row++) {
          for (let g = 0; g < groups; g++) {
            const scale = read(m, row, g, values);
            assert.deepEqual({ values: [...values], scale }, written[row * groups + g]);
          }
        }
      }
    });

    test(`${format}: a row dequantizes to integer times scale, exactly, whatever the finite scale`, () => {
      const m = allocMatrix(arena(), format, 9, 70);
      const scales = [0x3c00, 0x8001, 0x7bff]; // 1, the negative number nearest to 0, 65504
      for (let g = 0; g < 3; g++) {
        const values = Array.from({ length: 32 }, (_, k) => low + ((k * 37) & (format === "q4" ? 15 : 255)));
        write(m, 8, g, values, scales[g]);
      }
      const offset = format === "q4" ? 8 : 0;
      const expected = Array.from({ length: 70 }, (_, c) => {
        const integer = low + (((c % 32) * 37) & (format === "q4" ? 15 : 255)) - offset;
        return integer * f16ToF32(scales[Math.floor(c / 32)]);
      });
      const out = new Float32Array(70);
      dequantizeRow(out, m, 8);
      assert.deepEqual([...out], expected);
      const row = allocRow(m);
      readRow(row, m, 8);
      assert.deepEqual([...row.scale], scales.map(f16ToF32));
      assert.equal(row.q[33], low + (37 & (format === "q4" ? 15 : 255)) - offset);
    });

    test(`${format}: an integer out of range throws FormatError`, () => {
      const m = allocMatrix(arena(), format, 1, 1);
      for (const bad of format === "q4" ? [-1, 16, NaN] : [-129, 128, NaN]) {
        assert.throws(() => write(m, 0, 0, new Array(32).fill(bad), 0), FormatError, /expected/);
      }
    });
  }
});
