import { malformed } from "./fields.ts";

/** What becomes of the delimiters when a text is split. HF: SplitDelimiterBehavior. */
export type Behavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

const BEHAVIORS: readonly Behavior[] = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"];

export function asBehavior(value: unknown, where: string): Behavior {
  const found = BEHAVIORS.find((name) => name === value);
  return found ?? malformed(where, value, `one of ${BEHAVIORS.join(", ")}`);
}

/** Pieces of a text as [start, end, start, end, …]; pieces of no length are left out. */
export type Spans = number[];

/**
 * Splits a text of `length` units at `matches` (delimiters, or with `invert` all that is between them).
 * For "the-final--countdown" and "-": Removed the|final|countdown, Isolated the|-|final|-|-|countdown,
 * MergedWithPrevious the-|final-|-|countdown, MergedWithNext the|-final|-|-countdown, Contiguous the|-|final|--|countdown.
 */
export function splitSpans(length: number, matches: readonly number[], behavior: Behavior, invert: boolean): Spans {
  if (behavior === "Removed" && invert) return matches.length > 0 ? notEmpty(matches) : [];
  const { spans, isMatch } = cover(length, matches, invert);
  switch (behavior) {
    case "Isolated":
      return notEmpty(spans);
    case "Removed":
      return notEmpty(spans.filter((_, i) => !isMatch[i >> 1]));
    case "MergedWithNext":
      return mergedWithNext(spans, isMatch);
    default:
      return merged(spans, isMatch, behavior === "Contiguous");
  }
}

/** Matches and the gaps between them, in order. */
function cover(length: number, matches: readonly number[], invert: boolean): { spans: Spans; isMatch: boolean[] } {
  const spans: Spans = [];
  const isMatch: boolean[] = [];
  let from = 0;
  for (let i = 0; i < matches.length; i += 2) {
    if (from !== matches[i]) {
      spans.push(from, matches[i]);
      isMatch.push(invert);
    }
    spans.push(matches[i], matches[i + 1]);
    isMatch.push(!invert);
    from = matches[i + 1];
  }
  if (from !== length) {
    spans.push(from, length);
    isMatch.push(invert);
  }
  return { spans, isMatch };
}

/** A span joins the one before it if both are of a kind (contiguous), or if it is a match and the one before is none. */
function merged(spans: Spans, isMatch: readonly boolean[], contiguous: boolean): Spans {
  const out: Spans = [];
  let previous = false;
  isMatch.forEach((match, i) => {
    const joins = contiguous ? match === previous : match && !previous;
    if (joins && out.length > 0) out[out.length - 1] = spans[2 * i + 1];
    else out.push(spans[2 * i], spans[2 * i + 1]);
    previous = match;
  });
  return notEmpty(out);
}

/** The same from the right: a match joins the span after it, unless that is a match itself. */
function mergedWithNext(spans: Spans, isMatch: readonly boolean[]): Spans {
  const reversed: Spans = [];
  let next = false;
  for (let i = isMatch.length - 1; i >= 0; i--) {
    if (isMatch[i] && !next && reversed.length > 0) reversed[reversed.length - 1] = spans[2 * i];
    else reversed.push(spans[2 * i + 1], spans[2 * i]);
    next = isMatch[i];
  }
  return notEmpty(reversed.reverse());
}

function notEmpty(spans: readonly number[]): Spans {
  const out: Spans = [];
  for (let i = 0; i < spans.length; i += 2) if (spans[i] < spans[i + 1]) out.push(spans[i], spans[i + 1]);
  return out;
}
