import { ConfigError } from "../../errors.ts";

/** A value for the modules whose names fit. */
export interface Pattern {
  readonly fits: RegExp;
  readonly value: number;
}

/** What patterns are written in; Python's and JavaScript's regular expressions mean the same by it. */
const PLAIN = /^(?:[\w\-|().*+?^$[\]]|\\[.dw])*$/;
/** More of them could take long, on names of a hundred letters. */
const MAX_REPEATS = 3;
const MAX_LENGTH = 300;

/**
 * rank_pattern or alpha_pattern: a value for each regular expression, which fits a module whose name ends in it, from a dot on.
 * Source: PEFT's get_pattern_key (tuners/tuners_utils.py): `(.*\.)?(KEY)$`.
 * @param read a value, or throws
 * @throws ConfigError (code "adapter") for what is no such table, and for expressions of another kind
 */
export function patternsOf(
  table: unknown,
  key: string,
  file: string,
  read: (value: unknown, what: string, file: string) => number,
): Pattern[] {
  if (table === undefined || table === null) return [];
  if (typeof table !== "object" || Array.isArray(table)) {
    throw new ConfigError({ what: `"${key}"`, file, got: table, expected: "an object of modules" }, "adapter");
  }
  return Object.entries(table).map(([pattern, value]) => {
    return { fits: expressionOf(pattern, key, file), value: read(value, `"${key}" of ${pattern}`, file) };
  });
}

function expressionOf(pattern: string, key: string, file: string): RegExp {
  const repeats = pattern.match(/[*+]/g)?.length ?? 0;
  const nested = /\)[*+]/.test(pattern);
  if (PLAIN.test(pattern) && pattern.length <= MAX_LENGTH && repeats <= MAX_REPEATS && !nested) {
    try {
      return new RegExp(`^(?:.*\\.)?(?:${pattern})$`);
    } catch {
      // told below
    }
  }
  const expected = "names of modules, or a plain regular expression";
  throw new ConfigError({ what: `"${key}" has a pattern that is not built`, file, got: pattern, expected }, "adapter");
}
