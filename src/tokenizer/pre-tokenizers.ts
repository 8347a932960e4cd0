import { TokenizerError } from "../errors.ts";
import { toByteChars } from "./byte-level.ts";
import { asBoolean, asCharacter, type Fields, flatten, malformed } from "./fields.ts";
import { compilePattern, findText } from "./pattern.ts";
import { compileRegex, type Regex } from "./regex.ts";
import { asBehavior, type Behavior, splitSpans } from "./split.ts";

/** Takes a piece of the text; `first` is true if it starts where the whole text starts. */
export type Emit = (piece: string, first: boolean) => void;

/** Cuts a text into the pieces that are encoded each for itself. HF: tokenizers/src/pre_tokenizers. */
export interface PreTokenizer {
  /** Gives out the pieces in order; none is empty. */
  run: (text: string, first: boolean, emit: Emit) => void;
  /** The pieces are text whose UTF-8 bytes are to be encoded, each as its character (see byte-level.ts). */
  bytes: boolean;
}

type Step = PreTokenizer["run"];

/** GPT-2's pattern, which ByteLevel has built in. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** @throws TokenizerError for a pre-tokenizer that is not supported @throws FormatError for a malformed one */
export function compilePreTokenizer(value: unknown): PreTokenizer {
  const parts = flatten(value, "pre_tokenizer", "pretokenizers");
  const bytes = parts.length > 0 && parts[parts.length - 1][0].type === "ByteLevel";
  const steps = parts.map(([part, where], i) => compileStep(part, where, i === parts.length - 1));
  const run = steps.reduceRight<Step>(
    (after, step) => (text, first, emit) => step(text, first, (piece, isFirst) => after(piece, isFirst, emit)),
    (text, first, emit) => emit(text, first),
  );
  return { run: (text, first, emit) => (text === "" ? undefined : run(text, first, emit)), bytes };
}

function compileStep(part: Fields, where: string, last: boolean): Step {
  const type = part.type as string;
  switch (type) {
    case "ByteLevel":
      return byteLevel(part, where, last);
    case "Split": {
      const behavior = asBehavior(part.behavior, `${where}.behavior`);
      return splitter(compilePattern(part, where), behavior, asBoolean(part.invert, `${where}.invert`, false));
    }
    case "Metaspace":
      return metaspace(part, where);
    case "Digits": {
      const alone = asBoolean(part.individual_digits, `${where}.individual_digits`, false);
      return splitter(compileRegex("\\p{N}"), alone ? "Isolated" : "Contiguous", false);
    }
    case "Punctuation":
      return splitter(
        compileRegex("[\\p{P}!-/:-@\\[-`{-~]"),
        part.behavior === undefined ? "Isolated" : asBehavior(part.behavior, `${where}.behavior`),
        false,
      );
    case "Whitespace":
      // Rust's \w has the two joiners too.
      return splitter(compileRegex("[\\w\\u200c\\u200d]+|[^\\w\\u200c\\u200d\\s]+"), "Removed", true);
    case "WhitespaceSplit":
      return splitter(compileRegex("\\s"), "Removed", false);
  }
  throw new TokenizerError(
    { what: `tokenizer.json: ${where}: the pre-tokenizer "${type}" is not supported` },
    "unsupported",
  );
}

function splitter(pattern: Regex, behavior: Behavior, invert: boolean): Step {
  return (text, first, emit) => {
    const spans = splitSpans(text.length, pattern.findAll(text), behavior, invert);
    for (let i = 0; i < spans.length; i += 2) emit(text.slice(spans[i], spans[i + 1]), first && spans[i] === 0);
  };
}

function byteLevel(part: Fields, where: string, last: boolean): Step {
  const prefix = asBoolean(part.add_prefix_space, `${where}.add_prefix_space`, true);
  const split = asBoolean(part.use_regex, `${where}.use_regex`, true)
    ? splitter(compileRegex(GPT2), "Isolated", false)
    : undefined;
  return (text, first, emit) => {
    const whole = prefix && !text.startsWith(" ") ? ` ${text}` : text;
    // As the last step the bytes are left to the model, which needs no string for them.
    const give: Emit = last ? emit : (piece, isFirst) => emit(toByteChars(piece), isFirst);
    if (split) split(whole, first, give);
    else give(whole, first);
  };
}

function metaspace(part: Fields, where: string): Step {
  const mark = asCharacter(part.replacement, `${where}.replacement`);
  const scheme = prependScheme(part, where);
  const split = asBoolean(part.split, `${where}.split`, true);
  const pattern = { findAll: (text: string) => findText(text, mark) };
  const cut = split ? splitter(pattern, "MergedWithNext", false) : undefined;
  return (text, first, emit) => {
    let marked = text.split(" ").join(mark);
    const wanted = scheme === "always" || (scheme === "first" && first);
    if (wanted && !marked.startsWith(mark)) marked = mark + marked;
    if (cut) cut(marked, first, emit);
    else emit(marked, first);
  };
}

/** "always", "first" or "never"; older files say `add_prefix_space` instead. */
export function prependScheme(part: Fields, where: string): "always" | "first" | "never" {
  const scheme = part.prepend_scheme ?? "always";
  const prefix = asBoolean(part.add_prefix_space, `${where}.add_prefix_space`, true);
  if (scheme !== "always" && scheme !== "first" && scheme !== "never")
    malformed(`${where}.prepend_scheme`, scheme, '"always", "first" or "never"');
  if (prefix) return scheme;
  if (part.prepend_scheme !== undefined && scheme !== "never")
    malformed(`${where}.add_prefix_space`, false, `true, since prepend_scheme is "${scheme}"`);
  return "never";
}
