import type { Deltas } from "../../model/adapters.ts";
import type { PhiConfig } from "../../model/config.ts";
import type { WeightSpec } from "../../model/weights.ts";
import type { PackedMatrix } from "../../quant/packed-matrix.ts";
import type { Source } from "../../source/source.ts";
import type { Arena } from "../../tensor/arena.ts";
import type { FillOptions } from "../fill.ts";
import type { WeightFiles } from "../weight-files.ts";

/** What loading knows of LoRA adapters; who loads none carries nothing that reads them ({@link OpenAdapters} is a part, engine-parts.ts). */

/** An adapter that is asked for. */
export interface AdapterInput {
  readonly name: string;
  /** It lies in the checkpoint itself, as phi4mm's "vision" and "speech" do. */
  readonly included: boolean;
}

/** The model that adapters are for. */
export interface AdapterBase {
  readonly config: PhiConfig;
  readonly specs: readonly WeightSpec[];
  /** Its checkpoint, as it is. */
  readonly files: WeightFiles;
  /** config.json as parsed. */
  readonly json: unknown;
}

/**
 * Reads the configurations and headers of adapters, and finds for every tensor its place in the model; nothing else is read.
 * @param source has their files under the names of `adapterFile`
 * @throws ConfigError, FormatError (code "adapter"), SourceError
 */
export type OpenAdapters = (source: Source, inputs: readonly AdapterInput[], base: AdapterBase) => Promise<AdapterSet>;

/** An adapter of a loaded model. */
export interface AdapterInfo {
  readonly name: string;
  /** r of its configuration; single matrices may have others. */
  readonly rank: number;
  /** Matrices of the model that it adds to. */
  readonly matrices: number;
  /** Bytes that it takes in memory, as part of the weights. */
  readonly bytes: number;
}

/** Adapters whose headers were read. */
export interface AdapterSet {
  /** Bytes that loading reads. */
  readonly sourceBytes: number;
  /** The most ranks of an adapter's parts on one matrix. */
  readonly rank: number;
  /** Bytes that they take beside a weight, padded as an arena pads. */
  bytesOf(spec: WeightSpec): number;
  infos(specs: readonly WeightSpec[]): AdapterInfo[];
  places(): AdapterPlaces;
  close(): Promise<void>;
}

/** Their places in memory. */
export interface AdapterPlaces {
  /** What each adapter adds, by their numbers. */
  readonly deltas: readonly Deltas[];
  /** Takes room for what they add to a matrix. @throws MemoryError if the arena is full */
  place(arena: Arena, spec: WeightSpec, matrix: PackedMatrix): void;
  /** Reads all factors into their places. @throws FormatError (code "non_finite_weight"), SourceError, the signal's reason */
  fill(options: Pick<FillOptions, "signal" | "onBlock">): Promise<void>;
}
