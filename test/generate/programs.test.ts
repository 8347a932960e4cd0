import fc from "fast-check";
import { ContextError } from "../../src/errors.ts";
import type { AdapterChoice } from "../../src/generate/adapters.ts";
import type { Sequence } from "../../src/generate/sequence.ts";
import type { AdapterMix } from "../../src/model/adapters.ts";
import type { Assert } from "../assert.ts";
import { suite } from "../harness.ts";
import { expectedLogits } from "./hash-decoder.ts";
import { ADAPTERS, MODES, naiveAnswer, setup, V } from "./setup.ts";

type Command =
  | { do: "open"; adapters: number }
  | { do: "forward"; on: number; n: number; seed: number; logits: "all" | "last" | "none" }
  | { do: "abort"; on: number; n: number; after: number }
  | { do: "truncate" | "fork" | "dispose"; on: number; part: number }
  | { do: "generate"; from: number; part: number; n: number; maxTokens: number; stopAfter: number; adapters: number };

const on = fc.nat(7);
const n = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 70 }));
const part = fc.nat(100);
const seed = fc.nat(2); // few kinds of tokens, so that prefixes are often the same
/** None, one, the same at another scale, two. */
const CHOICES: readonly AdapterChoice[] = [null, "a", { a: 0.5 }, { a: 1, b: 2 }];
const adapters = fc.nat(CHOICES.length - 1);
const mixOf = (i: number) => ADAPTERS.mix("test", CHOICES[i]);
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constant("open" as const), adapters }),
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("forward" as const),
      on,
      n,
      seed,
      logits: fc.constantFrom("all", "last", "none"),
    }),
  },
  fc.record({ do: fc.constant("abort" as const), on, n, after: fc.nat(5) }),
  fc.record({ do: fc.constantFrom("truncate", "fork", "dispose"), on, part }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("generate" as const),
      from: on,
      part,
      n,
      maxTokens: fc.nat(9),
      stopAfter: fc.integer({ min: 1, max: 20 }),
      adapters,
    }),
  },
);

const BLOCKS = 8;
const SWITCH = 48;
const CONTEXT = 130;
const regimeOf = (length: number) => (length > SWITCH ? "long" : "short");
const tokens = (count: number, kind: number) => Array.from({ length: count }, (_, i) => (i * (kind + 1) + kind) % V);

/** Runs commands on sequences and beside them on plain arrays of tokens; every logit must be that of recomputing the array from nothing. */
class Machine {
  readonly rig: ReturnType<typeof setup>;
  readonly live: { seq: Sequence; tokens: number[]; mix: AdapterMix }[] = [];
  readonly assert: Assert;

  constructor(assert: Assert, offThread: boolean) {
    this.assert = assert;
    this.rig = setup({ blocks: BLOCKS, contextSize: CONTEXT, switchAt: SWITCH, offThread });
  }

  async run(command: Command): Promise<void> {
    const { assert, live } = this;
    if (command.do === "open") {
      const mix = mixOf(command.adapters);
      if (live.length < 4) live.push({ seq: await this.rig.open(mix), tokens: [], mix });
      return;
    }
    if (command.do === "generate") return this.generate(command);
    const one = live[command.on % live.length];
    if (!one) return;
    switch (command.do) {
      case "forward":
        return this.forward(one, tokens(command.n, command.seed), command.logits);
      case "abort": {
        const control = new AbortController();
        let steps = 0;
        this.rig.decoder.onStep = () => {
          if (++steps > command.after) control.abort("enough");
        };
        await one.seq.forward(tokens(command.n, 1), { signal: control.signal }).then(
          () => one.tokens.push(...tokens(command.n, 1)),
          (error) => assert.ok(error === "enough" || error instanceof ContextError),
        );
        this.rig.decoder.onStep = undefined;
        return;
      }
      case "truncate": {
        const length = Math.floor((one.tokens.length * command.part) / 100);
        await one.seq.truncate(length);
        one.tokens.length = length;
        return;
      }
      case "fork":
        if (live.length < 4) live.push({ seq: await one.seq.fork(), tokens: [...one.tokens], mix: one.mix });
        return;
      case "dispose":
        await one.seq.dispose();
        live.splice(live.indexOf(one), 1);
    }
  }

  async forward(one: Machine["live"][0], ids: number[], logits: "all" | "last" | "none"): Promise<void> {
    const { assert } = this;
    const before = one.tokens;
    const after = [...before, ...ids];
    const got = await one.seq.forward(ids, { logits }).catch((error: unknown) => error);
    if (got instanceof Float32Array) {
      one.tokens = after;
      const expected = expectedLogits(after, regimeOf(after.length), V, one.mix.key);
      const from = logits === "all" ? before.length : after.length - (logits === "last" ? 1 : 0);
      assert.deepEqual(got, expected.slice(from * V));
      return;
    }
    if (!(got instanceof ContextError)) throw got;
    if (got.code === "context_full") return assert.ok(after.length > CONTEXT);
    const needed = this.live.map((l) => Math.ceil((l === one ? after : l.tokens).length / 32)).reduce((a, b) => a + b);
    assert.ok(needed > BLOCKS, `kv_full where ${needed} of ${BLOCKS} blocks are needed`);
  }

  async generate(command: Extract<Command, { do: "generate" }>): Promise<void> {
    const { from, part, n, maxTokens, stopAfter, adapters } = command;
    const { assert, live } = this;
    const base = live[from % live.length]?.tokens ?? [];
    const prompt = [...base.slice(0, Math.floor((base.length * part) / 100)), ...tokens(n, part % 3)];
    if (prompt.length + maxTokens > CONTEXT) return;
    const generation = this.rig.generate(prompt, { maxTokens, ignoreEos: true, adapter: CHOICES[adapters] });
    const ids: number[] = [];
    try {
      let pieces = 0;
      for await (const piece of generation) {
        ids.push(...piece.ids);
        if (++pieces === stopAfter) break;
      }
    } catch (error) {
      const held = live.map((l) => Math.ceil(l.tokens.length / 32)).reduce((a, b) => a + b, 0);
      const needed = held + Math.ceil((prompt.length + maxTokens) / 32);
      assert.ok(error instanceof ContextError && error.code === "kv_full" && needed > BLOCKS, String(error));
      return;
    }
    assert.deepEqual(ids, naiveAnswer(prompt, maxTokens, SWITCH, mixOf(adapters).key).slice(0, ids.length));
  }

  /** Every sequence is what its array is; and nothing is left when all are gone. */
  async finish(): Promise<void> {
    for (const one of [...this.live]) {
      this.assert.deepEqual(one.seq.tokens, one.tokens);
      await this.forward(one, [1], "last");
      await one.seq.dispose();
      this.live.splice(this.live.indexOf(one), 1);
    }
    this.assert.equal(this.rig.leaks(), 0);
  }
}

for (const { where, offThread } of MODES)
  suite(`generate/programs, ${where}`, ({ test, assert }) => {
    test("300 random programs, one command after the other: all logits are those of recomputing from nothing with the same adapters, and no block is lost", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40 }), async (program) => {
          const machine = new Machine(assert, offThread);
          await machine.run({ do: "open", adapters: 0 });
          for (const one of program) {
            await machine.run(one);
            for (const { seq, tokens } of machine.live) assert.equal(seq.length, tokens.length);
          }
          await machine.finish();
        }),
        { numRuns: 300, seed: 7 },
      );
    });

    test("300 random batches of generations at once, some left early, some aborted between layers: all answers are right, and no block is lost", async () => {
      const call = fc.record({
        n,
        kind: fc.nat(2),
        maxTokens: fc.nat(40),
        leaveAfter: fc.integer({ min: 1, max: 60 }),
        eager: fc.boolean(),
        /** The step of the decoder, counted over all calls, at which this one is aborted. */
        abortAt: fc.option(fc.integer({ min: 1, max: 80 })),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(call, { minLength: 2, maxLength: 7 }),
          fc.integer({ min: 4, max: 6 }),
          fc.boolean(),
          async (calls, blocks, turns) => {
            const { generate, leaks, decoder } = setup({
              blocks,
              contextSize: 128,
              switchAt: SWITCH,
              turns,
              offThread,
            });
            const aborts = calls.map(() => new AbortController());
            let steps = 0;
            decoder.onStep = () => {
              steps++;
              calls.forEach(({ abortAt }, i) => {
                if (steps === abortAt) aborts[i].abort(`step ${abortAt}`);
              });
            };
            const answers = calls.map(async ({ n, kind, maxTokens, leaveAfter, eager, abortAt }, i) => {
              const prompt = tokens(n, kind);
              const generation = generate(prompt, { maxTokens, ignoreEos: true, signal: aborts[i].signal });
              if (eager) {
                const ids = await generation.result().then(
                  (result) => result.ids,
                  (reason) => assert.equal(reason, `step ${abortAt}`),
                );
                if (ids) assert.deepEqual(ids, naiveAnswer(prompt, maxTokens, SWITCH));
                return;
              }
              const ids: number[] = [];
              try {
                for await (const piece of generation) {
                  ids.push(...piece.ids);
                  if (leaveAfter % 3 === 0) await new Promise((resolve) => setTimeout(resolve));
                  if (ids.length >= leaveAfter) break;
                }
              } catch (reason) {
                assert.equal(reason, `step ${abortAt}`);
              }
              assert.deepEqual(ids, naiveAnswer(prompt, maxTokens, SWITCH).slice(0, ids.length));
            });
            await Promise.all(answers);
            assert.equal(leaks(), 0);
          },
        ),
        { numRuns: 300, seed: 3 },
      );
    });
  });
