import { OptionError } from "./errors.ts";

/**
 * Refuses options that nobody reads: a misspelt option that is silently ignored costs its user hours.
 * @param where the call, as the user wrote it, e.g. "loadPhi"
 * @throws OptionError naming the unknown option and the nearest known one
 */
export function checkOptions(where: string, given: object | undefined, known: readonly string[]): void {
  if (given === undefined) return;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new OptionError({ what: `${where}: options must be an object`, got: given });
  }
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = known.find((k) => k.toLowerCase() === name.toLowerCase().replaceAll(/[_-]/g, ""));
    throw new OptionError({
      what: `${where}: unknown option "${name}"${near ? ` (did you mean "${near}"?)` : ""}`,
      expected: known,
    });
  }
}

/** @throws OptionError unless `value` is one of `choices` (or undefined, which gives `fallback`) */
export function checkChoice<T extends string>(
  where: string,
  name: string,
  value: unknown,
  choices: readonly T[],
  fallback: T,
): T {
  if (value === undefined) return fallback;
  if ((choices as readonly unknown[]).includes(value)) return value as T;
  throw new OptionError({ what: `${where}: option "${name}"`, got: value, expected: `one of ${choices.join(", ")}` });
}

/** @throws OptionError unless `value` is a finite number in [min, max] (an integer if asked), or undefined, which gives `fallback` */
export function checkNumber(
  where: string,
  name: string,
  value: unknown,
  range: { min?: number; max?: number; integer?: boolean },
  fallback: number,
): number {
  if (value === undefined) return fallback;
  const { min = -Infinity, max = Infinity, integer = false } = range;
  if (typeof value === "number" && value >= min && value <= max && (!integer || Number.isSafeInteger(value)))
    return value;
  const kind = integer ? "an integer" : "a number";
  throw new OptionError({ what: `${where}: option "${name}"`, got: value, expected: `${kind} from ${min} to ${max}` });
}

/** @throws OptionError for what is no function */
export function checkCallback(where: string, name: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw new OptionError({ what: `${where}: option "${name}"`, got: value, expected: "a function" });
}
