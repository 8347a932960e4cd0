import { MemoryError } from "../errors.ts";
import type { Backend, ForwardControls, LogitsWanted, SequenceHandle } from "./backend.ts";
import type { Engine } from "./engine.ts";
import { Row } from "./row.ts";
import { LocalTokens } from "./tokens.ts";

/** The engine in the caller's own thread. */
export function localBackend(engine: Engine): Backend {
  return {
    config: engine.decoder.config,
    contextSize: engine.contextSize,
    check: () => engine.check(),
    tokens: (job, controls) => new LocalTokens(engine, job, controls),
    async forward(ids, logits, controls, adapters) {
      const row = new Row(engine, "call", "auto", adapters);
      try {
        return await forwardRow(row, ids, logits, controls);
      } finally {
        row.dispose();
      }
    },
    sequence: async (rope, adapters) => rowHandle(new Row(engine, "sequence", rope, adapters)),
    dispose: async () => engine.dispose(),
  };
}

/** A row as a user's sequence. */
export function rowHandle(row: Row): SequenceHandle {
  return {
    vocabSize: row.engine.vocabSize,
    check: () => row.check(),
    forward: (ids, logits, controls) => forwardRow(row, ids, logits, controls),
    truncate: async (length) => row.truncate(length),
    fork: async () => rowHandle(row.fork()),
    dispose: () => row.dispose(),
  };
}

/** Extends `row` by ids [T] and returns logits f32 [T·V], [V] or [0], in memory of their own. */
async function forwardRow(
  row: Row,
  ids: number[],
  logits: LogitsWanted,
  controls: ForwardControls,
): Promise<Float32Array> {
  controls.signal?.throwIfAborted();
  row.check();
  const { engine } = row;
  const rows = logits === "all" ? ids.length : logits === "last" ? 1 : 0;
  // The length is checked before the memory for it is taken.
  row.checkFits(ids.length);
  const into = allocate(rows * engine.vocabSize);
  const { signal, onProgress, onReprefill } = controls;
  await row.extend(ids, { logits, into, signal, onProgress, onReprefill });
  return into;
}

function allocate(n: number): Float32Array {
  try {
    return new Float32Array(n);
  } catch (cause) {
    throw new MemoryError({
      what: `no memory for logits`,
      got: `${n} float32`,
      expected: `fewer tokens, or logits: "last"`,
      cause,
    });
  }
}
