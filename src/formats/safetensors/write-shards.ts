import { createFolder } from "#platform";
import { OptionError } from "../../errors.ts";
import { checkCallback, checkNumber, checkOptions } from "../../options.ts";
import { checkName } from "../../source/range.ts";
import type { Sink, SinkFile } from "../../source/sink.ts";
import { fault } from "./fault.ts";
import { checkDType, tensorBytes } from "./layout.ts";
import { checkSpec, compareText, dataBytesOf, planFile, type TensorData, type TensorSpec } from "./write.ts";

/** Bytes one after the other; each piece may be reused when the next is asked for. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** A tensor to write whose data may be made only when its turn comes, piece by piece. */
export interface ShardEntry extends TensorSpec {
  name: string;
  data: TensorData["data"] | (() => Pieces);
}

/** Options of {@link writeShardedSafetensors}. */
export interface ShardOptions {
  /** A new shard begins before its tensors have more bytes than this; a tensor larger than it has a shard of its own. Default 5e9. */
  maxShardBytes?: number;
  /** Texts for `__metadata__` of each shard; transformers wants { format: "pt" }. */
  metadata?: Readonly<Record<string, string>>;
  /** The files are called NAME.safetensors or NAME-00001-of-0000N.safetensors. Default "model". */
  name?: string;
  /** Called after each piece: bytes of tensors written, bytes of all, and the tensor at work. */
  onProgress?: (progress: { written: number; total: number; tensor: string }) => void;
}

/** What {@link writeShardedSafetensors} has written. */
export interface WrittenShards {
  /** The files that were written, with their sizes in bytes; the index is the last if there is one. */
  files: { name: string; bytes: number }[];
  /** Bytes of all tensors. */
  totalBytes: number;
}

type Planned = { name: string; spec: ShardEntry; bytes: number };

/**
 * Writes a checkpoint of any size as transformers' `save_pretrained` does: one file, or shards and an index. The header of a shard is written
 * from the entries' shapes alone, and then each tensor as its data come: no more than one piece is held.
 * @param sink a folder's path (Node, Bun, Deno; made if it is not there) or a Sink
 * @param entries in the order in which shards are filled
 * @throws FormatError for what the format cannot hold, before anything is written, and for data of another length than the shape needs
 */
export async function writeShardedSafetensors(
  sink: Sink | string,
  entries: Iterable<ShardEntry>,
  options: ShardOptions = {},
): Promise<WrittenShards> {
  const where = "writeShardedSafetensors";
  checkOptions(where, options, ["maxShardBytes", "metadata", "name", "onProgress"]);
  const { metadata, name: base = "model", onProgress } = options;
  checkCallback(where, "onProgress", onProgress);
  checkName(base, where);
  const maxShardBytes = checkNumber(where, "maxShardBytes", options.maxShardBytes, { min: 1 }, 5e9);

  const isSink = typeof sink === "string" || typeof sink?.create === "function";
  if (!isSink) throw new OptionError({ what: `${where}: sink`, got: sink, expected: "a folder's path or a Sink" });
  const all = plan(entries);
  const shards = split(all, maxShardBytes);
  const plans = shards.map((shard) =>
    planFile(
      shard.map(({ name, spec }) => [name, spec] as const),
      metadata,
    ),
  );
  const totalBytes = all.reduce((n, { bytes }) => n + bytes, 0);
  const target = typeof sink === "string" ? await createFolder(sink) : sink;
  const files: WrittenShards["files"] = [];
  const weightMap = new Map<string, string>();
  let written = 0;

  for (const [i, { head, order, dataBytes }] of plans.entries()) {
    const number = (n: number) => String(n).padStart(5, "0");
    const suffix = plans.length > 1 ? `-${number(i + 1)}-of-${number(plans.length)}` : "";
    const name = `${base}${suffix}.safetensors`;
    await writing(await target.create(name), async (file) => {
      await file.write(head);
      for (const { name: tensor, spec, bytes } of order) {
        weightMap.set(tensor, name);
        let done = 0;
        for await (const piece of pieces(tensor, spec, bytes)) {
          done += piece.length;
          if (done > bytes) break;
          await file.write(piece);
          onProgress?.({ written: written + done, total: totalBytes, tensor });
        }
        if (done !== bytes) {
          const got = done > bytes ? `${done} or more` : done;
          throw fault("size", { what: "data of another number of bytes", file: name, tensor, got, expected: bytes });
        }
        written += bytes;
      }
    });
    files.push({ name, bytes: head.length + dataBytes });
  }

  if (plans.length > 1) {
    const elements = all.reduce((n, { spec }) => n + spec.shape.reduce((size, d) => size * d, 1), 0);
    const index = {
      metadata: { total_parameters: elements, total_size: totalBytes },
      weight_map: Object.fromEntries([...weightMap].sort(([a], [b]) => compareText(a, b))),
    };
    const bytes = new TextEncoder().encode(`${JSON.stringify(index, null, 2)}\n`);
    const name = `${base}.safetensors.index.json`;
    await writing(await target.create(name), (file) => file.write(bytes));
    files.push({ name, bytes: bytes.length });
  }
  return { files, totalBytes };
}

function plan(entries: Iterable<ShardEntry>): Planned[] {
  const all: Planned[] = [];
  const seen = new Set<string>();
  for (const spec of entries) {
    checkSpec(spec);
    const { name, dtype, shape, data } = spec;
    if (seen.has(name)) throw fault("name", { what: "two tensors have this name", tensor: name });
    seen.add(name);
    checkDType(dtype, name);
    const bytes = tensorBytes(dtype, shape, name);
    if (typeof data !== "function") dataBytesOf(name, { dtype, shape, data }, bytes);
    all.push({ name, spec, bytes });
  }
  return all;
}

function split(all: readonly Planned[], maxShardBytes: number): Planned[][] {
  const shards: Planned[][] = [[]];
  let size = 0;
  for (const tensor of all) {
    const shard = shards[shards.length - 1];
    if (shard.length > 0 && size + tensor.bytes > maxShardBytes) {
      shards.push([tensor]);
      size = tensor.bytes;
    } else {
      shard.push(tensor);
      size += tensor.bytes;
    }
  }
  return shards;
}

function pieces(name: string, spec: ShardEntry, bytes: number): Pieces {
  const { dtype, shape, data } = spec;
  return typeof data === "function" ? data() : [dataBytesOf(name, { dtype, shape, data }, bytes)];
}

/** Closes the file whatever happens. */
async function writing(file: SinkFile, write: (file: SinkFile) => Promise<void>): Promise<void> {
  try {
    await write(file);
  } finally {
    await file.close();
  }
}
