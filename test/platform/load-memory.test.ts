import { execFile } from "node:child_process";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { tensorsOf } from "../../scripts/checkpoint/make.ts";
import { PRESETS } from "../../scripts/checkpoint/presets.ts";
import { PACKED_KEY, PACKED_VERSION } from "../../src/formats/packed/packed.ts";
import { packedShape } from "../../src/load/formats.ts";
import { inProject } from "../engines/disk.ts";
import { craft, entry } from "../formats/craft.ts";
import { suite, unless } from "../harness.ts";

/** A model of 308 MB as bf16 and of 87 MB as q4, whose largest tensor has 66 MB. */
const CONFIG = {
  ...PRESETS["phi-4-mini"].config,
  ...{ hidden_size: 1024, intermediate_size: 4096, num_hidden_layers: 8, num_attention_heads: 8 },
  ...{ num_key_value_heads: 2, vocab_size: 32064, max_position_embeddings: 4096, rope_scaling: null },
};

/** It as a file of zeros, which take no place on the disk, in a folder with its config.json. */
async function sparse(packed: boolean, layers = CONFIG.num_hidden_layers): Promise<string> {
  const config = { ...CONFIG, num_hidden_layers: layers };
  const folder = await mkdtemp(join(tmpdir(), "phi-ts-"));
  let at = 0;
  const entries = tensorsOf(config).map(({ name, shape }) => {
    const isPacked = packed && shape.length === 2;
    const stored = isPacked ? packedShape("q4", { rows: shape[0], cols: shape[1] }) : shape;
    const begin = at;
    at += stored.reduce((n, d) => n * d, isPacked ? 1 : 2);
    return [name, entry(isPacked ? "U8" : "BF16", stored, begin, at)] as const;
  });
  const head = craft({
    ...Object.fromEntries(entries),
    ...(packed && { __metadata__: { [PACKED_KEY]: PACKED_VERSION } }),
  });
  const file = await open(join(folder, "model.safetensors"), "w");
  await file.write(head);
  await file.truncate(head.length + at);
  await file.close();
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  return folder;
}

/** Runs a program that may use `folder` and what is defined here, with gc(); gives the numbers that it prints. */
async function program(folder: string, statements: string): Promise<Record<string, number>> {
  const from = (path: string) => JSON.stringify(inProject(path));
  const text = `
    import { readFileSync, writeFileSync } from "node:fs";
    import { loadPhi } from ${from("src/index.ts")};
    import { openPath } from ${from("src/platform/node.ts")};
    import { planModel } from ${from("src/load/plan-model.ts")};
    import { kernelsOf } from ${from("src/load/load.ts")};
    import { allocate } from ${from("src/load/allocate.ts")};
    import { MemoryError } from ${from("src/errors.ts")};
    import { Arena, KERNEL_RESERVE } from ${from("src/tensor/index.ts")};
    const folder = ${JSON.stringify(folder)};
    const bytes = (line) => 1024 * Number(new RegExp(line + ":\\\\s+(\\\\d+)").exec(readFileSync("/proc/self/status", "utf8"))[1]);
    const resident = async () => {
      for (let i = 0; i < 4; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 20)); }
      return bytes("VmRSS");
    };
    ${statements}`;
  const args = ["--expose-gc", "--conditions=phi-ts-source", "--import", "tsx", "--input-type=module", "--eval", text];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: inProject("."), timeout: 100_000 });
  return JSON.parse(stdout);
}

const MIB = 2 ** 20;

suite("platform/load-memory", ({ test, assert, engine }) => {
  const noProc =
    platform() === "linux" && engine.name === "node" ? undefined : "needs Node on Linux: /proc/self/status, gc()";
  const measured = unless(noProc, test);

  for (const [what, packed, options] of [
    ["308 MB of bf16 into q4", false, "threads: 1,"],
    ["308 MB of bf16 into q4 by two threads", false, "threads: 2,"],
    ["308 MB of bf16 into q4 in a worker", false, "threads: 1, worker: true,"],
    ["87 MB of packed q4", true, "threads: 1,"],
  ] as const) {
    measured(
      `loading ${what} takes at its peak no more than the arenas and 24 MiB: no second copy of anything is kept`,
      async () => {
        const folder = await sparse(packed);
        try {
          const { arenas, peak, before } = await program(
            folder,
            `let before;
           const onProgress = ({ phase }) => {
             if (phase !== "weights" || before !== undefined) return;
             writeFileSync("/proc/self/clear_refs", "5"); // the peak begins anew
             before = bytes("VmRSS");
           };
           const phi = await loadPhi(folder, { ${options} contextSize: 64, onProgress });
           const { memory } = phi;
           console.log(JSON.stringify({ arenas: memory.total, peak: bytes("VmHWM"), before }));
           await phi.dispose();`,
          );
          assert.ok(arenas > 87e6 && arenas < 102e6, `${arenas}`); // 87 MB of weights, room for 64 tokens
          assert.ok(peak - before > 70e6, "nearly all weights have come since");
          assert.atMost((peak - before - arenas) / MIB, 24);
        } finally {
          await rm(folder, { recursive: true });
        }
      },
    );
  }

  measured(
    "an abort, a failure of the source, and no memory for the second arena each leave nothing in memory, with two threads: at most 24 MiB after ten of each",
    async () => {
      // Of 126 MB, 36 MB of them as q4: a single arena that stays is seen.
      const folder = await sparse(false, 2);
      try {
        const after = await program(
          folder,
          `const times = async (job) => {
           await job();
           const before = await resident();
           for (let i = 0; i < 10; i++) await job();
           return (await resident()) - before;
         };
         const failing = async (options, source = folder) => {
           const failure = await loadPhi(source, { contextSize: 64, threads: 2, ...options }).then(() => undefined, (error) => error);
           if (!(failure instanceof Error && failure.message === "enough")) throw failure ?? new Error("it loaded");
         };
         const late = (then) => ({ loaded, total, phase }) => { if (phase === "weights" && loaded > 0.9 * total) then(); };
         const enough = () => new Error("enough");
         const abort = await times(() => {
           const control = new AbortController();
           return failing({ signal: control.signal, onProgress: late(() => control.abort(enough())) });
         });
         const { source } = await openPath(folder);
         const broken = { ...source, async open(name) {
           const file = await source.open(name);
           const read = async (offset, length, into) => { if (offset > 100e6) throw enough(); return file.read(offset, length, into); };
           return { size: file.size, read, close: () => file.close() };
         } };
         const read = await times(() => failing({}, broken));
         const memory = await times(async () => {
           const { plan, files } = await planModel(source, { contextSize: 64 }, 30e6);
           await files.close();
           let made = 0;
           const make = (bytes, name) => {
             if (made++ > 0) throw new MemoryError({ what: "none for " + name });
             const arena = new Arena(bytes - KERNEL_RESERVE, { name });
             new Uint8Array(arena.buffer).fill(1);
             return arena;
           };
           try { allocate(plan, kernelsOf({}, {}), make); } catch (error) { if (error instanceof MemoryError && made > 1) return; throw error; }
           throw new Error("it was allocated");
         });
         console.log(JSON.stringify({ abort, read, memory }));`,
        );
        for (const [what, grown] of Object.entries(after)) assert.atMost(grown / MIB, 24, what);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
});
