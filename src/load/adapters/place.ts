import { FormatError } from "../../errors.ts";
import { Pacer } from "../../event-loop.ts";
import { allocLowRank, type LowRank, lowRankBytes, writeLowRank } from "../../kernels/low-rank.ts";
import type { Delta, DeltaPart } from "../../model/adapters.ts";
import type { WeightSpec } from "../../model/weights.ts";
import { allocMatrix, type PackedMatrix } from "../../quant/packed-matrix.ts";
import { type Arena, alignUp } from "../../tensor/arena.ts";
import { readRows, type WeightFiles, type WeightTensor } from "../weight-files.ts";
import type { AdapterInfo, AdapterPlaces, AdapterSet } from "./adapter-set.ts";
import type { LoraConfig } from "./config.ts";
import type { DeltaPlan } from "./deltas.ts";

/** An adapter whose headers were read: where it is to work, and its files. */
export interface OpenedAdapter {
  readonly name: string;
  readonly config: LoraConfig;
  /** By the names of the weights. */
  readonly deltas: ReadonlyMap<string, DeltaPlan>;
  readonly files: Pick<WeightFiles, "tensors" | "readInto" | "close">;
  /** Bytes that loading reads. */
  readonly sourceBytes: number;
  /** Reads what must be as it is in the model. @throws FormatError (code "adapter"), SourceError, the signal's reason */
  check(options?: Parameters<AdapterPlaces["fill"]>[0]): Promise<void>;
}

export async function closeAdapters(opened: readonly OpenedAdapter[]): Promise<void> {
  for (const { files } of opened) await files.close();
}

function bytesOf(delta: DeltaPlan | undefined, cols: number): number {
  if (!delta) return 0;
  return delta.parts.reduce(
    (sum, { b }) => sum + alignUp(lowRankBytes(b.shape[0], b.shape[1])),
    alignUp(delta.rank * cols * 4),
  );
}

/** LoRA adapters as loading sees them. */
export class LoraAdapters implements AdapterSet {
  readonly sourceBytes: number;
  readonly rank: number;
  readonly #opened: readonly OpenedAdapter[];

  constructor(opened: readonly OpenedAdapter[]) {
    this.#opened = opened;
    this.sourceBytes = opened.reduce((sum, adapter) => sum + adapter.sourceBytes, 0);
    this.rank = Math.max(0, ...opened.flatMap(({ deltas }) => [...deltas.values()].map(({ rank }) => rank)));
  }

  bytesOf({ name, cols }: WeightSpec): number {
    return this.#opened.reduce((sum, { deltas }) => sum + bytesOf(deltas.get(name), cols), 0);
  }

  infos(specs: readonly WeightSpec[]): AdapterInfo[] {
    return this.#opened.map(({ name, config, deltas }) => {
      const bytes = specs.reduce((sum, spec) => sum + bytesOf(deltas.get(spec.name), spec.cols), 0);
      return { name, rank: config.rank, matrices: deltas.size, bytes };
    });
  }

  places(): AdapterPlaces {
    return new DeltaPlaces(this.#opened);
  }

  close(): Promise<void> {
    return closeAdapters(this.#opened);
  }
}

/** Factors that have their places but not yet their values. */
interface DeltaSlot {
  /** The adapter's number. */
  readonly adapter: number;
  readonly plan: DeltaPlan;
  readonly a: PackedMatrix;
  readonly b: readonly LowRank[];
}

class DeltaPlaces implements AdapterPlaces {
  readonly deltas: readonly Map<PackedMatrix, Delta>[];
  readonly #slots: DeltaSlot[] = [];
  readonly #opened: readonly OpenedAdapter[];

  constructor(opened: readonly OpenedAdapter[]) {
    this.#opened = opened;
    this.deltas = opened.map(() => new Map());
  }

  place(arena: Arena, { name, cols }: WeightSpec, matrix: PackedMatrix): void {
    for (const [adapter, { deltas }] of this.#opened.entries()) {
      const plan = deltas.get(name);
      if (!plan) continue;
      const a = allocMatrix(arena, "f32", plan.rank, cols);
      const parts: DeltaPart[] = plan.parts.map(({ b, row, at, scale }) => {
        return { b: allocLowRank(arena, b.shape[0], b.shape[1]), row, at, scale };
      });
      this.deltas[adapter].set(matrix, { a, parts });
      this.#slots.push({ adapter, plan, a, b: parts.map(({ b }) => b) });
    }
  }

  /** In the order in which the factors lie in their files. */
  async fill({ signal, onBlock }: Parameters<AdapterPlaces["fill"]>[0]): Promise<void> {
    for (const adapter of this.#opened) await adapter.check({ signal, onBlock });
    const pacer = new Pacer();
    const fillings = this.#slots.flatMap(fillingsOf);
    fillings.sort((p, q) => p.adapter - q.adapter || p.tensor.offset - q.tensor.offset);
    for (const { tensor, adapter, write } of fillings) {
      const { name, file, shape, byteLength } = tensor;
      const rowBytes = byteLength / shape[0];
      const rows = Math.max(1, Math.floor(BLOCK / rowBytes));
      for (let row = 0; row < shape[0]; row += rows) {
        await pacer.pace();
        signal?.throwIfAborted();
        const n = Math.min(rows, shape[0] - row);
        const values = await readRows(this.#opened[adapter].files, tensor, row, n);
        checkFinite(values, tensor, row);
        write(row, values);
        onBlock?.(file, name, n * rowBytes);
      }
    }
  }
}

/** One factor on its way into memory. */
interface Filling {
  tensor: WeightTensor;
  adapter: number;
  write(row: number, values: Float32Array): void;
}

/** Bytes that are read at a time. */
const BLOCK = 2 ** 20;

function fillingsOf({ adapter, plan, a, b }: DeltaSlot): Filling[] {
  return plan.parts.flatMap((part, i) => [
    {
      tensor: part.a,
      adapter,
      write: (row: number, values: Float32Array) => {
        const at = a.ptr + 4 * (part.at + row) * a.cols;
        new Float32Array(a.arena.buffer, at, values.length).set(values);
      },
    },
    { tensor: part.b, adapter, write: (row: number, values: Float32Array) => writeLowRank(b[i], row, values) },
  ]);
}

/** One infinity or NaN in a factor makes every output of its layer one. */
function checkFinite(values: Float32Array, { file, name: tensor, shape }: WeightTensor, row: number): void {
  const bad = values.findIndex((v) => !Number.isFinite(v));
  if (bad < 0) return;
  const got = `${values[bad]} in row ${row + Math.floor(bad / shape[1])}, column ${bad % shape[1]}`;
  throw new FormatError({ what: "a number of an adapter", file, tensor, got, expected: "finite" }, "non_finite_weight");
}
