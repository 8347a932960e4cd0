import fc from "fast-check";
import { StopText } from "../../src/generate/stop-text.ts";
import { suite } from "../harness.ts";

/** All texts that come out, and the rest at the end, for a text that comes in pieces. */
function through(stops: string[], pieces: readonly string[]): { out: string[]; rest: string; stopped: boolean } {
  const stop = new StopText(stops);
  const out = pieces.map((piece) => stop.push(piece));
  return { out, rest: stop.end(), stopped: stop.stopped };
}

suite("generate/stop-text", ({ test, assert }) => {
  test("without stop strings everything passes at once", () => {
    assert.deepEqual(through([], ["a", "", "bc"]), { out: ["a", "", "bc"], rest: "", stopped: false });
  });

  test("a stop string that is cut over pieces is held back and found; nothing after it passes", () => {
    assert.deepEqual(through(["STOP"], ["xS", "T", "O", "Py", "z"]), {
      out: ["x", "", "", "", ""],
      rest: "",
      stopped: true,
    });
  });

  test("a false beginning passes as soon as it cannot go on, and at the end", () => {
    assert.deepEqual(through(["aab"], ["a", "a", "a", "c", "a"]), {
      out: ["", "", "a", "aac", ""],
      rest: "a",
      stopped: false,
    });
  });

  test("of several stop strings the one that begins first in the text cuts", () => {
    assert.deepEqual(through(["bcd", "cd", "xyz"], ["abc", "d"]).out, ["a", ""]);
    assert.deepEqual(through(["d", "abc"], ["xabcd"]).out, ["x"]);
  });

  test("for any text, cut anyhow: what comes out is the text before the first stop string, and never more than is certain", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "é", "😀"), maxLength: 12 });
    const stopStrings = fc.array(
      fc.string({ unit: fc.constantFrom("a", "b", "é", "😀"), minLength: 1, maxLength: 4 }),
      {
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(stopStrings, fc.array(letters, { maxLength: 8 }), (stops, pieces) => {
        const text = pieces.join("");
        const at = Math.min(...stops.map((s) => text.indexOf(s)).filter((i) => i >= 0));
        const { out, rest, stopped } = through(stops, pieces);
        assert.equal(stopped, at < Infinity);
        assert.equal(out.join("") + rest, text.slice(0, at));
        // after each piece: all but what could still be the beginning of a stop string has come out
        let seen = "";
        let got = "";
        pieces.forEach((piece, i) => {
          seen += piece;
          got += out[i];
          const held = seen.slice(0, at).slice(got.length);
          assert.ok(held === "" || stops.some((s) => s.startsWith(held)) || seen.length >= at);
        });
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
