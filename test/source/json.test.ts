import fc from "fast-check";
import { FormatError } from "../../src/errors.ts";
import { JsonScanner, type JsonValue, parseStrictJson } from "../../src/source/index.ts";
import { suite } from "../harness.ts";

/** Maps as the objects that JSON.parse makes. */
function plain(value: JsonValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, plain(v)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

suite("source/json", ({ test, assert }) => {
  test("the strict scanner agrees with JSON.parse on any well-formed JSON text, with and without indentation", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        assert.equal(JSON.stringify(plain(parseStrictJson(text, "f"))), JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 300 },
    );
  });

  test("on any damaged JSON text it accepts nothing that JSON.parse refuses", () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom("", '"', "\\", ",", "0", "e", "-", "{", "]", "\n", "\u0001"),
        (text, at, put) => {
          const place = at % (text.length + 1);
          const damaged = text.slice(0, place) + put + text.slice(place + 1);
          let value: JsonValue;
          try {
            value = parseStrictJson(damaged, "f");
          } catch (error) {
            assert.ok(error instanceof FormatError);
            return;
          }
          assert.equal(JSON.stringify(plain(value)), JSON.stringify(JSON.parse(damaged)));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("duplicate keys are refused at any depth with code duplicate_key, also when one is written with an escape", () => {
    for (const text of ['{"a":1,"a":2}', '[{"b":{"a":1,"a":1}}]', '{"a":1,"\\u0061":2}']) {
      const error = assert.throws(
        () => parseStrictJson(text, "f"),
        FormatError,
        /duplicate key "a" at character/,
      ) as FormatError;
      assert.equal(error.code, "duplicate_key");
    }
    assert.deepEqual(plain(parseStrictJson('{"a":{"a":1},"b":{"a":2}}', "f")), { a: { a: 1 }, b: { a: 2 } });
  });

  test('keys like "__proto__" and "constructor" are keys and nothing else', () => {
    const map = parseStrictJson('{"__proto__":{"x":1},"constructor":2}', "f") as Map<string, JsonValue>;
    assert.deepEqual([...map.keys()], ["__proto__", "constructor"]);
    assert.equal(({} as { x?: number }).x, undefined);
  });

  test("half a surrogate pair, control characters and unknown escapes in strings are refused", () => {
    for (const text of ['"\\ud800"', '"\\udc00\\ud800"', '"\n"', '"\\a"', '"\\u12"', '"\\"', '"']) {
      assert.throws(() => parseStrictJson(text, "f"), FormatError);
    }
    assert.equal(parseStrictJson('"\\ud83d\\ude00\\\\"', "f"), "\u{1f600}\\");
  });

  test("numbers are given as they are written", () => {
    const scanner = new JsonScanner("[ -0, 1e3, 12.50, 18446744073709551616 ]", "f");
    const seen: string[] = [];
    scanner.array(() => seen.push(scanner.number()));
    assert.deepEqual(seen, ["-0", "1e3", "12.50", "18446744073709551616"]);
  });

  test("a megabyte of backslashes and quotes is read in linear time", () => {
    const text = `"${'\\\\\\"'.repeat(250_000)}"`;
    assert.equal((parseStrictJson(text, "f") as string).length, 500_000);
  });
});
