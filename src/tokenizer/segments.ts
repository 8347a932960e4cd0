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
  for (const segment of segments) {
    const { text, control: isControl } = segment ?? {};
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
 * Where the regions of a text lie in the part of it that begins at `start`, after the normalizer (if there is one).
 * A normalizer keeps no record of what went where, so a border is found by normalizing what stands before it; where that is not how the
 * whole begins, nothing counts as control, so that no text of a user ever does.
 */
export function normalizedRegions(raw: string, start: number, control: Regions, normalize?: Normalizer): Regions {
  const borders: number[] = [];
  for (let i = firstAfter(control, start); i < control.length && control[i] < start + raw.length; i += 2) {
    borders.push(Math.max(control[i] - start, 0), Math.min(control[i + 1] - start, raw.length));
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

/** Index of the first region that ends behind a place. */
function firstAfter(control: Regions, place: number): number {
  let low = 0;
  let high = control.length >> 1;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (control[2 * mid + 1] > place) high = mid;
    else low = mid + 1;
  }
  return 2 * low;
}
