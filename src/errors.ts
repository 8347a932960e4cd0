import { type ErrorFacts, sentence } from "./message.ts";

export type { ErrorFacts };

/**
 * Every error that phi-ts throws on purpose extends {@link PhiError}: one class per cause, a stable `code` to branch on,
 * and a message that says what was wrong, what was got and what was expected. Aborts are the exception: they reject with
 * the `reason` of the caller's own signal.
 */
export class PhiError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Not an error, but something that its user should know: a stable `code` and a sentence. */
export interface Notice {
  readonly code: string;
  readonly message: string;
}

/** A file does not keep to its format. Fields name the place. */
export class FormatError extends PhiError {
  readonly file?: string;
  readonly tensor?: string;
  readonly got?: unknown;
  readonly expected?: unknown;
  constructor(facts: ErrorFacts, code = "format") {
    super(code, sentence(facts), { cause: facts.cause });
    this.file = facts.file;
    this.tensor = facts.tensor;
    this.got = facts.got;
    this.expected = facts.expected;
  }
}

/** A file or folder is missing, unreadable or shorter than asked for. */
export class SourceError extends PhiError {
  readonly file?: string;
  constructor(facts: ErrorFacts, code = "source") {
    super(code, sentence(facts), { cause: facts.cause });
    this.file = facts.file;
  }
}

/** config.json asks for a model or for mathematics that is not built. */
export class ConfigError extends PhiError {
  constructor(facts: ErrorFacts, code = "config") {
    super(code, sentence(facts), { cause: facts.cause });
  }
}

/** A tokenizer file asks for something that is not built, or a token or text does not fit it. */
export class TokenizerError extends PhiError {
  constructor(facts: ErrorFacts, code = "tokenizer") {
    super(code, sentence(facts), { cause: facts.cause });
  }
}

/** An option is unknown, or has a value of the wrong kind or range. */
export class OptionError extends PhiError {
  constructor(facts: ErrorFacts, code = "option") {
    super(code, sentence(facts), { cause: facts.cause });
  }
}

/** Operands of a kernel or a tensor operation do not fit each other. */
export class ShapeError extends PhiError {
  constructor(facts: ErrorFacts, code = "shape") {
    super(code, sentence(facts), { cause: facts.cause });
  }
}

/** Memory cannot be had. `contextSize` is the largest that would fit, where that is known. */
export class MemoryError extends PhiError {
  readonly contextSize?: number;
  constructor(facts: ErrorFacts & { contextSize?: number }, code = "memory") {
    super(code, sentence(facts), { cause: facts.cause });
    this.contextSize = facts.contextSize;
  }
}

/** A sequence would grow past the model's context, or the pool of KV blocks has none left. */
export class ContextError extends PhiError {
  constructor(facts: ErrorFacts, code: "context_full" | "kv_full" = "context_full") {
    super(code, sentence(facts), { cause: facts.cause });
  }
}

/** Something was used after `dispose()`. */
export class DisposedError extends PhiError {
  constructor(what: string) {
    super("disposed", `${what} was used after dispose()`);
  }
}

/** A conversation does not fit what chat formats write: a part that is not text, tools given twice, no message at all. */
export class ChatError extends PhiError {
  /** Index of the message in question, where it is one. */
  readonly index?: number;
  constructor(facts: ErrorFacts & { index?: number }, code = "chat") {
    super(code, sentence(facts), { cause: facts.cause });
    this.index = facts.index;
  }
}

/** The model's logits are not numbers to choose from (NaN, +∞, or every one −∞): broken weights, or a fault in the arithmetic. */
export class LogitsError extends PhiError {
  constructor(facts: ErrorFacts, code = "logits") {
    super(code, sentence(facts), { cause: facts.cause });
  }
}

/** The pieces of one generation were asked for twice; they are there once. */
export class IterationError extends PhiError {
  constructor(facts: ErrorFacts, code = "iterated") {
    super(code, sentence(facts), { cause: facts.cause });
  }
}

/**
 * The worker of a model. Codes: "no_worker" (this engine has none), "worker_start" (it could not be started, or is none of phi-ts's),
 * "worker_died" (it has ended or failed later: the model is gone with it).
 */
export class WorkerError extends PhiError {
  constructor(facts: ErrorFacts, code: "no_worker" | "worker_start" | "worker_died") {
    super(code, sentence(facts), { cause: facts.cause });
  }
}
