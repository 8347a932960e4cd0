import { PhiError } from "../errors.ts";
import { bytesSink, bytesSource, ifThere, readAll, type Sink, type Source, withFile } from "../source/index.ts";
import { crc32 } from "./crc32.ts";

/** A folder for work that is done: a job that was interrupted goes on from there. */
export interface WorkFolder {
  /** Reads what `sink` has written. */
  source: Source;
  sink: Sink;
}

const MAGIC = 0x4b494850; // "PHIK"
const HEADER = 16;

/**
 * Finished pieces of a job, in a folder or in memory. A piece is a file NAME.kept:
 *
 *     byte 0    "PHIK"
 *     byte 4    u32 little endian: the job's number, by which work of another checkpoint or with other options is told
 *     byte 8    u32: CRC-32 of the piece
 *     byte 12   u32: bytes of the piece
 *     byte 16   the piece
 *
 * A piece that is cut short or changed is as if it were not there, and is made again.
 */
export class Kept {
  /** Pieces that were there, but damaged. */
  readonly damaged: string[] = [];
  /** Whether pieces outlive the process. */
  readonly durable: boolean;
  readonly #job: number;
  readonly #folder: WorkFolder;

  constructor(job: number, folder?: WorkFolder) {
    this.#job = job;
    this.#folder = folder ?? inMemory();
    this.durable = folder !== undefined;
  }

  /**
   * A piece, or undefined if it is not there or not whole.
   * @throws PhiError (code "other_job") for a piece of another job; SourceError if reading fails
   */
  async get(name: string): Promise<Uint8Array | undefined> {
    const file = fileOf(name);
    const bytes = await ifThere(this.#folder.source, file, (folder) => withFile(folder, file, readAll));
    if (!bytes) return undefined;
    const piece = bytes.subarray(HEADER);
    const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const whole =
      bytes.length >= HEADER &&
      header.getUint32(0, true) === MAGIC &&
      header.getUint32(12, true) === piece.length &&
      header.getUint32(8, true) === crc32(piece);
    if (!whole) {
      this.damaged.push(file);
      return undefined;
    }
    if (header.getUint32(4, true) === this.#job) return piece;
    throw new PhiError(
      "other_job",
      `${file}: the folder of finished work belongs to another checkpoint or to other options; give another, or remove it`,
    );
  }

  /** @throws SourceError if writing fails */
  async put(name: string, piece: Uint8Array): Promise<void> {
    const header = new DataView(new ArrayBuffer(HEADER));
    header.setUint32(0, MAGIC, true);
    header.setUint32(4, this.#job, true);
    header.setUint32(8, crc32(piece), true);
    header.setUint32(12, piece.length, true);
    const file = await this.#folder.sink.create(fileOf(name));
    try {
      await file.write(new Uint8Array(header.buffer));
      await file.write(piece);
    } finally {
      await file.close();
    }
  }
}

const fileOf = (name: string): string => `${name}.kept`;

function inMemory(): WorkFolder {
  const files = new Map<string, Uint8Array>();
  const source: Source = {
    list: async () => [...files.keys()],
    open: (name) => bytesSource(files).open(name),
  };
  return { source, sink: bytesSink(files) };
}
