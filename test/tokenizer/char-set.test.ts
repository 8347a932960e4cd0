import { CharSet, complement, intersection, type Ranges, toRanges, union } from "../../src/tokenizer/char-set.ts";
import { suite } from "../harness.ts";
import { randomSource } from "../random.ts";

/** Code points where tables, bits and surrogates begin and end, and some between. */
const POINTS = [
  ...[0, 1, 7, 8, 9, 0x7f, 0x80, 0xfe, 0xff, 0x100, 0x101, 0x107, 0x108, 0x3ff, 0x400, 0xd7ff, 0xe000, 0xfff8],
  ...[0xfffe, 0xffff, 0x10000, 0x10001, 0x1f600, 0x10fffe, 0x10ffff],
];

suite("tokenizer/char-set", ({ test, assert }) => {
  test("sets of random ranges, their unions, intersections and complements have the points that they should, below U+0100, up to U+FFFF and beyond", () => {
    const next = randomSource(7);
    const point = () => POINTS[Math.floor(next() * POINTS.length)];
    const gather = (): number[] => {
      const pairs: number[] = [];
      for (let i = 0; i < 5; i++) {
        const [a, b] = [point(), point()];
        pairs.push(Math.min(a, b), Math.min(Math.max(a, b), Math.min(a, b) + (i < 3 ? 9 : 0x200)));
      }
      return pairs;
    };
    const inside = (pairs: Ranges, c: number) =>
      pairs.some((first, i) => i % 2 === 0 && c >= first && c <= pairs[i + 1]);
    for (let round = 0; round < 100; round++) {
      const [a, b] = [gather(), gather()];
      const [A, B] = [toRanges(a), toRanges(b)];
      const sets = { A, union: union(A, B), both: intersection(A, B), not: complement(A) };
      for (const [name, ranges] of Object.entries(sets)) {
        for (let i = 1; i < ranges.length; i++)
          assert.ok(ranges[i] > ranges[i - 1] + (i % 2 === 0 ? 1 : -1), `${name}: ${ranges}`);
        const set = new CharSet(ranges);
        for (const c of POINTS) {
          const [inA, inB] = [inside(a, c), inside(b, c)];
          const expected = { A: inA, union: inA || inB, both: inA && inB, not: !inA }[name];
          assert.equal(set.has(c), expected, `${name} of ${a} and ${b}: ${c}`);
        }
      }
    }
  });
});
