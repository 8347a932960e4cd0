import { OptionError } from "../errors.ts";
import type { Regions } from "./added-matcher.ts";
import type { Normalizer } from "./normalizers.ts";
import type { TextSegment } from "./types.ts";

/** The text of all segments as one, well-formed, and the regions of it that are control. Neighbouring control segments are one region. */
export function joinSegments(segments: readonly TextSegment[]): { text: string; control: Regions } {
  if (!Array.isArray(segments))
    throw new OptionError({ what: "segments to encode", got: segments, expected: "an array of { text, control }" });
  const control: number[] = [];
  const parts: string[] = [];
  let length = 0;
  for (const { text, control: isControl } of segments) {
    if (typeof text !== "string") throw new OptionError({ what: "text to encode", got: text, expected: "a string" });
    if (isControl && text !== "") {
      if (control[control.length - 1] === length) control[control.length - 1] += text.length;
      else control.push(length, length + text.length);
    }
    parts.push(text);
    length += text.length;
  }
  // Half of a surrogate pair is no text; TextEncoder writes U+FFFD for it, and so does this. The length stays.
  return { text: parts.join("").replace(/\p{Surrogate}/gu, "\ufffd"), control };
}

/**
 * Where the regions of a text lie in the part of it that begins at `start`, after the normalizer (if there is one that matters).
 * A normalizer keeps no record of what went where, so a border is found by normalizing what stands before it; where that is not how the
 * whole begins, nothing counts as control, so that no text of a user ever does.
 */
export function normalizedRegions(raw: string, start: number, control: Regions, normalize?: Normalizer): Regions {
  const borders: number[] = [];
  for (let i = 0; i < control.length; i += 2) {
    const from = Math.max(control[i] - start, 0);
    const to = Math.min(control[i + 1] - start, raw.length);
    if (from < to) borders.push(from, to);
  }
  if (!normalize) return borders;
  const whole = normalize(raw);
  const moved: number[] = [];
  for (const border of borders) {
    if (border === 0 || border === raw.length) moved.push(border === 0 ? 0 : whole.length);
    else {
      const before = normalize(raw.slice(0, border));
      if (!whole.startsWith(before)) return [];
      moved.push(before.length);
    }
  }
  return moved;
}
