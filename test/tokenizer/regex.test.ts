import { TokenizerError } from "../../src/errors.ts";
import { compilePattern } from "../../src/tokenizer/pattern.ts";
import { compileRegex } from "../../src/tokenizer/regex.ts";
import { type Behavior, splitSpans } from "../../src/tokenizer/split.ts";
import { readFixtureJson } from "../fixtures.ts";
import { suite } from "../harness.ts";

suite("tokenizer regex", async ({ test, assert, engine }) => {
  const read = <T>(name: string) => readFixtureJson<T>(engine, `tokenizers/${name}`);

  test("sets of characters have the code points that Oniguruma (Unicode 16) gives them, all 1,112,064 of them checked", async () => {
    const all = Array.from({ length: 0x110000 }, (_, c) => (c >> 11 === 0x1b ? "" : String.fromCodePoint(c))).join("");
    for (const { pattern, count, digest } of await read<{ pattern: string; count: number; digest: number }[]>(
      "unicode/sets.json",
    )) {
      const matches = compileRegex(pattern).findAll(all);
      let hash = 0x811c9dc5;
      for (let i = 0; i < matches.length; i += 2) {
        hash = Math.imul(hash ^ (all.codePointAt(matches[i]) as number), 0x01000193) >>> 0;
      }
      assert.equal(matches.length / 2, count, pattern);
      assert.equal(hash, digest, pattern);
    }
  });

  const texts = await read<string[]>("features/texts.json");
  test("patterns split every text into the pieces that Oniguruma gives, whatever the behavior, inverted or not", async () => {
    for (const { pattern, behavior, invert, cases } of await read<SplitCases[]>("features/splits.json")) {
      const find = compilePattern({ pattern }, "test");
      for (const [i, expected] of cases) {
        const text = texts[i];
        const spans = splitSpans(text.length, find.findAll(text), BEHAVIORS[behavior], invert);
        assert.deepEqual(
          lengths(text.length, spans),
          expected,
          `${JSON.stringify(pattern)} ${behavior} ${invert} text ${i}`,
        );
      }
    }
  });

  const refused: Record<string, RegExp> = {
    "(?P<n>a)": /the group "\(\?P"/,
    "(?<n>a)": /the group "\(\?<"/,
    "(?x: a)": /the group "\(\?x"/,
    "(?#c)a": /the group "\(\?#"/,
    "(a)\\1": /the escape "\\1"/,
    "\\bfoo": /the escape "\\b"/,
    "\\Ra": /the escape "\\R"/,
    "\\h": /the escape "\\h"/,
    "\\p{Han}": /the property \{Han\}/,
    "\\p{Script=Latin}": /the property/,
    "\\p{Xx}": /the property "Xx"/,
    "\\pL": /the property/,
    "[[:alpha:]]": /\[:/,
    "(?i:é)": /"é" with case ignored/,
    "(?i:\\p{Lu})": /with case ignored/,
    "(?i:stop)": /"st" with case ignored/,
    "(?<=ab)c": /look-behind/,
    "(a*)*": /may match nothing/,
    "a{2}{3}": /a repeat of a repeat/,
    "a{2}?": /the lazy repeat/,
    "a{3,1}": /the repeat \{3,1\}/,
    "^*": /a repeated assertion/,
    "*a": /nothing to repeat/,
    "(a": /a group without an end/,
    "a)": /an unmatched "\)"/,
    "[a": /a class without an end/,
    "[b-a]": /a range/,
    "a\\": /an end of the pattern/,
    "\\x{110000}": /the code point/,
    "((((a{9}b){9}){9}){9}){9}": /more than 5000 parts/,
  };
  for (const [pattern, message] of Object.entries(refused)) {
    test(`${pattern} is refused by name`, () => {
      assert.throws(() => compileRegex(pattern), TokenizerError, message);
    });
  }

  test("a run of 4 million letters, spaces or emoji is one match (V8's own RegExp runs out of stack there)", () => {
    const find = compileRegex("\\p{L}+| ?[^\\s\\p{L}\\p{N}]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");
    for (const unit of ["a", " ", "🙂"]) {
      const text = unit.repeat(2 ** 22);
      assert.deepEqual(find.findAll(text), [0, text.length], unit);
    }
  });

  test("a loop of groups that is deeper than the stack is a TokenizerError, not an error of the engine", () => {
    assert.throws(
      () => compileRegex("(?:ab)+").findAll("ab".repeat(1e6)),
      TokenizerError,
      /more turns than the stack holds/,
    );
  });

  test("a pattern that takes 2^n or n² steps on a text is a TokenizerError, not a hang", () => {
    for (const [pattern, text] of [
      ["(a+)+$", `${"a".repeat(60)}!`],
      ["(a|aa)+$", `${"a".repeat(60)}!`],
      ["(?:a|a)+b", "a".repeat(60)],
      ["(?:a+?)+?b", "a".repeat(60)],
      ["a++b", "a".repeat(1e5)],
      ["a*b", "a".repeat(1e5)],
      ["(?=a*b)a", "a".repeat(1e5)],
    ]) {
      const error = assert.throws(() => compileRegex(pattern).findAll(text), TokenizerError, /without end/);
      assert.equal((error as TokenizerError).code, "regex");
    }
  });
});

interface SplitCases {
  pattern: object;
  behavior: string;
  invert: boolean;
  /** Index of the text, lengths of its pieces; text that is dropped has a negative length. */
  cases: [number, number[]][];
}

const BEHAVIORS: Record<string, Behavior> = {
  removed: "Removed",
  isolated: "Isolated",
  merged_with_previous: "MergedWithPrevious",
  merged_with_next: "MergedWithNext",
  contiguous: "Contiguous",
};

function lengths(length: number, spans: readonly number[]): number[] {
  const out: number[] = [];
  let at = 0;
  for (let i = 0; i < spans.length; i += 2) {
    if (spans[i] > at) out.push(at - spans[i]);
    out.push(spans[i + 1] - spans[i]);
    at = spans[i + 1];
  }
  if (at < length) out.push(at - length);
  return out;
}
