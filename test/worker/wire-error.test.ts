import * as errors from "../../src/errors.ts";
import { ChatError, ContextError, FormatError, MemoryError, PhiError } from "../../src/errors.ts";
import { ErrorPost } from "../../src/worker/wire-error.ts";
import { suite } from "../harness.ts";

type ErrorClass = new (...args: unknown[]) => PhiError;

suite("worker/wire-error", ({ test, assert }) => {
  /** From a worker to its caller, through a structured clone. */
  const travel = (error: unknown) => new ErrorPost(true).fromWire(structuredClone(new ErrorPost(false).toWire(error)));

  test("an error of every class of errors.ts arrives with class, name, code, message and fields", () => {
    const classes = Object.values(errors).filter((value) => (value as ErrorClass).prototype instanceof PhiError);
    assert.ok(classes.length > 10);
    const facts = {
      what: "w".repeat(300),
      file: "f",
      tensor: "t",
      got: [1, "x"],
      expected: null,
      contextSize: 7,
      index: 3,
    };
    for (const kind of classes as unknown as ErrorClass[]) {
      const error = new kind(facts, "some_code");
      const got = travel(error) as PhiError;
      assert.ok(got instanceof kind && Object.getPrototypeOf(got) === kind.prototype, kind.name);
      assert.deepEqual([got.name, got.code, got.message], [error.name, error.code, error.message]);
      assert.deepEqual({ ...got }, { ...error });
    }
    assert.equal((travel(new MemoryError(facts)) as MemoryError).contextSize, 7);
    assert.equal((travel(new ChatError(facts)) as ChatError).index, 3);
  });

  test("causes come along; what cannot be cloned is described; an error of another class of ours is at least a PhiError", () => {
    class Own extends PhiError {}
    const cause = new ContextError({ what: "inner" }, "kv_full");
    const got = travel(new FormatError({ what: "outer", got: () => 1, cause })) as FormatError;
    assert.ok(got.cause instanceof ContextError && (got.cause as ContextError).code === "kv_full");
    assert.equal(typeof got.got, "string");
    const own = travel(new Own("mine", "text")) as PhiError;
    assert.deepEqual([own instanceof PhiError, own.code, own.message], [true, "mine", "text"]);
  });

  test("errors of the language keep class and message; other names and what is no error become an Error that says it", () => {
    const range = travel(new RangeError("too far"));
    assert.ok(range instanceof RangeError && range.message === "too far");
    const trap = new Error("unreachable");
    trap.name = "RuntimeError";
    const got = travel(trap) as Error;
    assert.deepEqual([got instanceof Error, got.name, got.message], [true, "RuntimeError", "unreachable"]);
    assert.ok((travel("a string") as Error).message.includes("a string"));
    assert.ok(travel(undefined) instanceof Error);
  });

  test("what the caller threw comes home as the very same object, alone or as a cause, error or not", () => {
    const caller = new ErrorPost(true);
    const worker = new ErrorPost(false);
    for (const thrown of [new TypeError("mine"), Symbol("no error"), { plain: true }, undefined]) {
      const there = worker.fromWire(structuredClone(caller.toWire(thrown)));
      assert.equal(caller.fromWire(structuredClone(worker.toWire(there))), thrown);
      const wrapped = new FormatError({ what: "reading failed", cause: there });
      assert.equal((caller.fromWire(structuredClone(worker.toWire(wrapped))) as Error).cause, thrown);
    }
  });
});
