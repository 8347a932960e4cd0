import { MemoryError } from "../errors.ts";
import { bindKernels, type KernelOrigin } from "../kernels/bind.ts";
import { type Crew, SCRATCH_BYTES } from "../kernels/crew.ts";
import { KV_BLOCK } from "../kernels/kernels.ts";
import { allocKVLayer } from "../kernels/kv-layer.ts";
import { KVPool } from "../model/kv-cache.ts";
import { allocScratch } from "../model/scratch.ts";
import { type Stage, Transformer } from "../model/transformer.ts";
import type { ModelWeights, WeightSpec } from "../model/weights.ts";
import { allocMatrix, allocSlices, type PackedMatrix } from "../quant/packed-matrix.ts";
import { Arena, KERNEL_RESERVE } from "../tensor/arena.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { AdapterPlaces } from "./adapters/adapter-set.ts";
import { type ArenaPlan, formatOf, helperBytes, kvBlocks, largestContext, type Plan, scratchNeeds } from "./plan.ts";
import type { Staging } from "./staging.ts";

/** A weight that has its place but not yet its values. */
export interface Slot {
  spec: WeightSpec;
  stage: Stage;
  /** A vector is an f32 matrix of one row here, so that it is filled as matrices are. */
  matrix: PackedMatrix;
  /** Bytes of the arena's scratch, through which values are read. */
  staging: Staging;
}

export interface Allocated {
  transformer: Transformer;
  slots: Slot[];
  /** Places of the adapters' factors. */
  adapters?: AdapterPlaces;
}

/** Makes a memory; tests give their own to see what happens when there is none. */
export type NewArena = (bytes: number, name: string) => Arena;

/** How a model's kernels were chosen, and the threads that will work with them, if there are several. */
type Chosen = KernelOrigin & { readonly crew?: Crew };

/** Reference kernels need no WebAssembly, which may be absent where they run. */
const arenaFor =
  ({ kind, crew }: Chosen): NewArena =>
  (bytes, name) =>
    new Arena(bytes - KERNEL_RESERVE, { name, wasm: kind !== "reference", shared: crew !== undefined });

/**
 * Makes the memories that `plan` names, each of exactly its size, and puts every tensor into its place.
 * @throws MemoryError with the largest contextSize that fits, where the engine does not give as much as planned
 */
export function allocate(plan: Plan, chosen: Chosen, make: NewArena = arenaFor(chosen)): Allocated {
  const arenas = makeArenas(plan, make);
  const weights: Partial<ModelWeights> = {};
  const slots: Slot[] = [];
  const adapters = plan.adapters?.places();
  const stages = plan.arenas.map((arenaPlan, i) =>
    furnish(plan, arenaPlan, arenas[i], chosen, weights, slots, adapters),
  );
  weights.head ??= weights.embed;
  const { config, architecture, maxChunk } = plan;
  // Of an embedding table one row is read; a tied table is read whole, as the head.
  const table = config.tiedEmbeddings ? 0 : (weights.embed as PackedMatrix).byteLength;
  const read = ({ matrix, spec: { use = 1 } }: Slot) => use * matrix.byteLength;
  const weightBytesPerToken = Math.round(slots.reduce((sum, slot) => sum + read(slot), 0)) - table;
  const pool = new KVPool(kvBlocks(plan.kvTokens));
  const { crew } = chosen;
  const release = () => crew?.end();
  const sizes = { maxChunk, weightBytesPerToken };
  const parts = {
    config,
    architecture,
    stages,
    weights: weights as ModelWeights,
    adapters: adapters?.deltas,
    pool,
    ...sizes,
  };
  return { transformer: new Transformer({ ...parts, release }), slots, adapters };
}

/** Takes the pieces of one arena, in the order: weights, block table, caches, helpers' scratch, scratch. */
function furnish(
  plan: Plan,
  arenaPlan: ArenaPlan,
  arena: Arena,
  chosen: Chosen,
  weights: Partial<ModelWeights>,
  slots: Slot[],
  adapters: AdapterPlaces | undefined,
): Stage {
  const { config } = plan;
  const layers = new Map<number, Layer>();
  const mine: Pick<Slot, "spec" | "matrix">[] = [];
  for (const spec of arenaPlan.specs) {
    const slices = plan.slices?.get(spec.name);
    const plain = slices
      ? allocSlices(arena, slices, spec.cols)
      : allocMatrix(arena, formatOf(spec, plan), spec.rows, spec.cols);
    const ordered = plan.ordered?.has(spec.name);
    const matrix = ordered ? { ...plain, order: Tensor.alloc(arena, "i32", [spec.cols]) } : plain;
    const value = spec.vector ? new Tensor(arena, matrix.ptr, "f32", [spec.cols]) : matrix;
    mine.push({ spec, matrix });
    adapters?.place(arena, spec, matrix);
    if (typeof spec.place !== "number") Object.assign(weights, { [spec.slot]: value });
    else layers.set(spec.place, put(layers.get(spec.place) ?? {}, spec.slot, value));
  }
  const table = Tensor.alloc(arena, "i32", [Math.ceil(plan.contextSize / KV_BLOCK)]);
  const blocks = kvBlocks(plan.kvTokens);
  const cached = [...layers.values()].map((layer) => {
    const kv = allocKVLayer(arena, plan.kv, blocks, config.kvHeads, config.headDim, table);
    return { weights: layer, kv };
  });
  const helpers = Array.from({ length: helperBytes(plan) / SCRATCH_BYTES }, () => arena.alloc(SCRATCH_BYTES));
  const staging = { ptr: arena.mark(), bytes: arenaPlan.scratch - helperBytes(plan) };
  const scratch = allocScratch(arena, config, plan.maxChunk, scratchNeeds(plan, arenaPlan.hasHead));
  const { crew } = chosen;
  const kernels = bindKernels(arena, chosen, crew && { crew, helperScratch: helpers });
  const stage: Stage = { arena, kernels, scratch, layers: cached };
  slots.push(...mine.map((m) => ({ ...m, stage, staging })));
  return stage;
}

/** Weights of a layer by their slots. */
type Layer = Record<string, unknown>;

/** Puts a weight where its slot says: "qkv" is a property, "experts.3.down" one of an element of a list. */
function put(layer: Layer, slot: string, value: Slot["matrix"] | Tensor): Layer {
  const [list, index, name] = slot.split(".");
  if (name === undefined) return Object.assign(layer, { [slot]: value });
  const elements = (layer[list] ?? []) as Layer[];
  elements[Number(index)] = { ...elements[Number(index)], [name]: value };
  return Object.assign(layer, { [list]: elements });
}

function makeArenas(plan: Plan, make: NewArena): Arena[] {
  const arenas: Arena[] = [];
  for (const { bytes, name } of plan.arenas) {
    try {
      arenas.push(make(bytes, name));
    } catch (cause) {
      if (!(cause instanceof MemoryError)) throw cause;
      const granted = arenas.reduce((sum, a) => sum + a.byteLength, 0) + probe(bytes, make);
      const contextSize = largestContext(plan, (total) => total.bytes <= granted);
      throw new MemoryError({
        what: `the engine gives no memory for contextSize ${plan.contextSize}${contextSize ? `; ${contextSize} would fit` : ""}`,
        got: `about ${granted} bytes`,
        expected: `${plan.total.bytes} bytes`,
        contextSize,
        cause,
      });
    }
  }
  return arenas;
}

/** The most bytes below `bytes` that the engine gives at once, to one part in 64. Goes down, so that only one memory is ever made. */
function probe(bytes: number, make: NewArena): number {
  for (let part = 63; part > 0; part--) {
    const less = Math.floor((bytes / 64) * part);
    try {
      make(less, "probe");
      return less;
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
    }
  }
  return 0;
}
