import * as errors from "../errors.ts";
import { PhiError } from "../errors.ts";
import { show } from "../message.ts";

/** An error on its way to the other thread. A structured clone would lose its class and its fields. */
export interface WireError {
  /** The call was aborted; the one who asked knows why. */
  aborted?: true;
  /** The error's number on the side that sends it. */
  from?: number;
  /** The error's number on the side that receives it: there it was thrown, and there it is the very same object again. */
  home?: number;
  /** Name of a class of errors.ts, or of one of the language's own. */
  name: string;
  message: string;
  code?: string;
  stack?: string;
  fields?: Record<string, unknown>;
  cause?: WireError;
}

type ErrorClass = new (message?: string) => Error;

/** By the names under which they are exported: those of the classes themselves may be shortened by who bundles. */
const OURS = new Map<string, unknown>(Object.entries(errors).filter(([, value]) => isOurs(value)));
const NATIVE: readonly ErrorClass[] = [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError];

function isOurs(value: unknown): boolean {
  return typeof value === "function" && (value === PhiError || value.prototype instanceof PhiError);
}

/** One side's errors that travel. */
export class ErrorPost {
  /** Errors that were sent and may come back; undefined on a side that sends errors for good. */
  readonly #sent: unknown[] | undefined;
  readonly #from = new WeakMap<Error, number>();

  constructor(comeBack: boolean) {
    this.#sent = comeBack ? [] : undefined;
  }

  toWire(error: unknown): WireError {
    const home = error instanceof Error ? this.#from.get(error) : undefined;
    const from = this.#sent && this.#sent.push(error) - 1;
    return { ...this.#describe(error), from, home };
  }

  fromWire(wire: WireError): unknown {
    if (wire.home !== undefined && this.#sent) return this.#sent[wire.home];
    const error = this.#rebuild(wire);
    if (wire.from !== undefined) this.#from.set(error, wire.from);
    return error;
  }

  #describe(error: unknown): WireError {
    if (!(error instanceof Error)) return { name: "Error", message: show(error) };
    const { message, stack } = error;
    const cause = error.cause === undefined ? undefined : this.toWire(error.cause);
    if (!(error instanceof PhiError)) return { name: error.name, message, stack, cause };
    const name = [...OURS].find(([, kind]) => kind === error.constructor)?.[0] ?? "PhiError";
    const { code, name: _, ...own } = error;
    const fields = Object.fromEntries(Object.entries(own).map(([key, value]) => [key, cloneable(value)]));
    return { name, message, code, stack, fields, cause };
  }

  #rebuild({ name, message, code, stack, fields, cause: wire }: WireError): Error {
    const cause = wire && this.fromWire(wire);
    const kind = code === undefined ? undefined : OURS.get(name);
    if (kind) {
      // The constructor of PhiError itself takes the finished message.
      const error: PhiError = Reflect.construct(PhiError, [code, message, { cause }], kind as typeof PhiError);
      return Object.assign(error, fields);
    }
    const Native = NATIVE.find((one) => one.name === name) ?? Error;
    const error = new Native(message);
    if (error.name !== name) error.name = name;
    if (cause !== undefined) error.cause = cause;
    if (stack) error.stack = stack;
    return error;
  }
}

/** What an error tells beside its message is whatever was got; a function, say, does not travel. */
function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return show(value);
  }
}
