/** The assertions that suites use: plain functions, so that they run on every engine. Each throws with the values in its message. */

class AssertionError extends Error {
  override name = "AssertionError";
}

const text = (v: unknown): string => {
  const s =
    typeof v === "string" ? JSON.stringify(v) : ArrayBuffer.isView(v) ? `[${v}]` : (JSON.stringify(v) ?? String(v));
  return s.length > 400 ? `${s.slice(0, 400)}…` : s;
};

function fail(message: string, note?: string): never {
  throw new AssertionError(note ? `${note}: ${message}` : message);
}

/** The first path at which two values differ, or undefined. Numbers compare with Object.is. */
function difference(a: unknown, b: unknown, path = ""): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return `${path || "value"}: got ${text(a)}, expected ${text(b)}`;
  }
  if (ArrayBuffer.isView(a) !== ArrayBuffer.isView(b) || Array.isArray(a) !== Array.isArray(b))
    return `${path}: kinds differ`;
  if (a instanceof Map && b instanceof Map) return difference([...a], [...b], path);
  if (a instanceof Set && b instanceof Set)
    return a.size === b.size && [...b].every((v) => a.has(v))
      ? undefined
      : `${path || "value"}: got ${text([...a])}, expected ${text([...b])}`;
  if (isList(a) && isList(b)) return differenceOfLists(a, b, path);
  if (Object.keys(b).length === 0 && ![Object.prototype, null].includes(Object.getPrototypeOf(b)))
    return `${path || "value"}: a ${b.constructor.name} shows nothing by which it could be told from another`;
  const keysA = Object.keys(a);
  const keysB = Object.keys(b);
  if (keysA.length !== keysB.length) return `${path || "value"}: got ${text(a)}, expected ${text(b)}`;
  for (const key of keysB) {
    if (!(key in a)) return `${path}.${key} is missing`;
    const found = difference(
      (a as Record<string, unknown>)[key],
      (b as Record<string, unknown>)[key],
      `${path}[${key}]`,
    );
    if (found) return found;
  }
  return undefined;
}

/** Arrays and typed arrays: the elements are all that counts. */
const isList = (v: object): v is ArrayLike<unknown> => Array.isArray(v) || (ArrayBuffer.isView(v) && "length" in v);

/** Lists of millions are compared: nothing is made for elements that are the same. */
function differenceOfLists(a: ArrayLike<unknown>, b: ArrayLike<unknown>, path: string): string | undefined {
  if (a.length !== b.length)
    return `${path || "value"}: got ${a.length} elements ${text(a)}, expected ${b.length}: ${text(b)}`;
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i])) {
      if (b[i] === undefined && i in a !== i in b) return `${path}[${i}] is missing in one of the two`;
      continue;
    }
    const found = difference(a[i], b[i], `${path}[${i}]`);
    if (found) return found;
  }
  return undefined;
}

type ErrorClass = new (...args: never[]) => Error;

function checkError(error: unknown, kind: ErrorClass | undefined, message: RegExp | undefined): void {
  if (kind && !(error instanceof kind)) fail(`threw ${error}, expected ${kind.name}`);
  if (message && !message.test(String((error as Error).message)))
    fail(`message ${text((error as Error).message)} does not match ${message}`);
}

export const assert = {
  ok(value: unknown, note?: string): void {
    if (!value) fail(`got ${text(value)}, expected something true`, note);
  },
  equal(got: unknown, expected: unknown, note?: string): void {
    if (!Object.is(got, expected)) fail(`got ${text(got)}, expected ${text(expected)}`, note);
  },
  deepEqual(got: unknown, expected: unknown, note?: string): void {
    const found = difference(got, expected);
    if (found) fail(found, note);
  },
  /** |got - expected| ≤ bound for each element; NaN only equals NaN. */
  close(got: ArrayLike<number>, expected: ArrayLike<number>, bound: number, note?: string): void {
    if (got.length !== expected.length) fail(`length ${got.length}, expected ${expected.length}`, note);
    for (let i = 0; i < got.length; i++) {
      const same = Object.is(got[i], expected[i]) || Math.abs(got[i] - expected[i]) <= bound;
      if (!same) fail(`[${i}]: got ${got[i]}, expected ${expected[i]} within ${bound}`, note);
    }
  },
  atMost(got: number, bound: number, note?: string): void {
    if (!(got <= bound)) fail(`got ${got}, expected at most ${bound}`, note);
  },
  throws(run: () => unknown, kind?: ErrorClass, message?: RegExp): unknown {
    try {
      run();
    } catch (error) {
      checkError(error, kind, message);
      return error;
    }
    return fail(`nothing was thrown, expected ${kind?.name ?? "an error"}`);
  },
  async rejects(
    run: Promise<unknown> | (() => Promise<unknown>),
    kind?: ErrorClass,
    message?: RegExp,
  ): Promise<unknown> {
    try {
      await (typeof run === "function" ? run() : run);
    } catch (error) {
      checkError(error, kind, message);
      return error;
    }
    return fail(`nothing was thrown, expected ${kind?.name ?? "an error"}`);
  },
};

export type Assert = typeof assert;
