import { helpOf, parseCommandLine, UsageError } from "../../src/cli/args.ts";
import { COMMON_OPTIONS, LOAD_OPTIONS, loadOptionsOf, SAMPLING_OPTIONS, samplingOf } from "../../src/cli/options.ts";
import { suite } from "../harness.ts";

const SPECS = [...LOAD_OPTIONS, ...SAMPLING_OPTIONS, ...COMMON_OPTIONS];
const parse = (...args: string[]) => parseCommandLine(args, SPECS);

suite("cli/args", ({ test, assert }) => {
  test("options become the API's, and only those that were given", () => {
    assert.deepEqual(samplingOf(parse("Once")), {});
    const given = parse("Once", "--max-tokens", "5", "-t", "0.7", "--top-k=40", "--seed", "1", "--min-p", "0.1");
    assert.deepEqual(samplingOf(given), { maxTokens: 5, temperature: 0.7, topK: 40, minP: 0.1, seed: 1 });
    assert.deepEqual(given.positionals, ["Once"]);
  });

  test("options that may be repeated are gathered in their order", () => {
    const given = parse(
      "--stop",
      "a",
      "--stop",
      "b",
      "--stop-id",
      "7",
      "--logit-bias",
      "3=-1.5",
      "--logit-bias",
      "4=-inf",
    );
    assert.deepEqual(samplingOf(given), { stop: ["a", "b"], stopIds: [7], logitBias: { 3: -1.5, 4: -Infinity } });
  });

  test("a negative number is a value, not an option", () => {
    assert.deepEqual(samplingOf(parse("--presence-penalty", "-0.5")), { presencePenalty: -0.5 });
  });

  test("after -- everything is text", () => {
    assert.deepEqual(parse("--", "--seed").positionals, ["--seed"]);
  });

  test("an unknown option is refused, with what is near", () => {
    assert.throws(() => parse("--modle", "x"), UsageError, /unknown option --modle; did you mean --model\?$/);
    assert.throws(() => parse("--max_tokens", "1"), UsageError, /did you mean --max-tokens\?$/);
    assert.throws(() => parse("--temprature=1"), UsageError, /did you mean --temperature\?$/);
    assert.throws(() => parse("--gpu"), UsageError, /unknown option --gpu$/);
    assert.throws(() => parse("-x"), UsageError, /unknown option -x/);
  });

  test("a missing, superfluous, doubled or malformed value is refused by the option's name", () => {
    assert.throws(() => parse("--model"), UsageError, /^--model needs a value: --model DIR$/);
    assert.throws(() => parse("--help=yes"), UsageError, /^--help takes no value$/);
    assert.throws(() => parse("--seed", "1", "--seed", "2"), UsageError, /^--seed is given twice$/);
    assert.throws(
      () => samplingOf(parse("--temperature", "warm")),
      UsageError,
      /^--temperature needs a number, got "warm"$/,
    );
    assert.throws(() => samplingOf(parse("--max-tokens", "1.5")), UsageError, /^--max-tokens needs a whole number/);
    assert.throws(() => samplingOf(parse("--logit-bias", "x=1")), UsageError, /^--logit-bias needs ID=NUMBER/);
    assert.throws(
      () => loadOptionsOf(parse("--weights", "q5")),
      UsageError,
      /^--weights is one of auto, f32, q8, q4, got "q5"$/,
    );
  });

  test("help shows the usage line and every option, in at most 80 columns", () => {
    const help = helpOf("phi generate", { usage: '"text"', options: SPECS });
    assert.ok(help.startsWith('usage: phi generate "text"\n'));
    for (const { name } of SPECS) assert.ok(help.includes(` --${name}`), name);
    for (const line of help.split("\n")) assert.atMost(line.length, 80, line);
  });
});
