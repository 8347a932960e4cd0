import type { Source } from "../source/source.ts";

/** Progress over the whole job: every byte of the checkpoint's files that loading reads. */
export interface LoadProgress {
  /** "files": the tokenizer's files (config.json and all headers have been read by then); "weights": the weights. */
  phase: "files" | "weights";
  /** Bytes that are here, of all files. It never falls, and equals `total` in the last event only. */
  loaded: number;
  /** Bytes that will have been read in the end, as far as is known. In the phase "files" it still grows by each file of the tokenizer; then it stays. */
  total: number;
  /** The file to which the last bytes belong. */
  file: string;
  /** The tensor that was read last, in the phase "weights". */
  tensor?: string;
}

/** What is told of the weights while they are read. */
export interface WeightMeter {
  beginWeights(): void;
  /** `bytes` more of `tensor` are in their place. */
  block(file: string, tensor: string, bytes: number): void;
}

/** Bytes that arrive from afar come in thousands of pieces a second; so often are they told, in milliseconds. */
const EVERY_MS = 50;

/**
 * Counts the bytes of a load, as they are read, and where a source tells of them, as they arrive. The first event comes when the headers have
 * been read, since nobody knows before how much there is: until then there is next to nothing to read.
 */
export class LoadMeter implements WeightMeter {
  readonly #onProgress?: (progress: LoadProgress) => void;
  #phase: LoadProgress["phase"] = "files";
  #tensor: string | undefined;
  #announced = false;
  #total = 0;
  /** Bytes that have been read, and found their place where they are weights. */
  #read = 0;
  #arrived = 0;
  #loaded = 0;
  #last = -Infinity;
  /** What the callback threw when it could not be thrown on. */
  #failure: { reason: unknown } | undefined;

  constructor(onProgress: ((progress: LoadProgress) => void) | undefined) {
    this.#onProgress = onProgress;
  }

  /** The same source, whose bytes are counted. */
  watch(source: Source): Source {
    return {
      ...(source.list && { list: () => source.list?.() ?? Promise.resolve([]) }),
      open: async (name, options) => {
        const onBytes = (bytes: number) => this.#arrive(name, bytes);
        const file = await source.open(name, { ...options, onBytes });
        return {
          size: file.size,
          read: async (offset, length, into) => {
            if (this.#failure) throw this.#failure.reason;
            if (this.#phase === "weights") return file.read(offset, length, into);
            this.#total += length;
            const bytes = await file.read(offset, length, into);
            this.#read += length;
            this.#tell(name);
            return bytes;
          },
          close: async () => file.close?.(),
        };
      },
    };
  }

  /** The headers have been read: so many bytes of weights will be. */
  announce(weightBytes: number): void {
    this.#total += weightBytes;
    this.#announced = true;
  }

  /** From now on all that is read are weights. */
  beginWeights(): void {
    this.#phase = "weights";
  }

  /** A block of a tensor has been read, and has found its place. */
  block(file: string, tensor: string, bytes: number): void {
    this.#tensor = tensor;
    this.#read += bytes;
    this.#tell(file);
  }

  #arrive(file: string, bytes: number): void {
    this.#arrived += bytes;
    if (!this.#announced || this.#failure || performance.now() - this.#last < EVERY_MS) return;
    try {
      this.#tell(file);
    } catch (reason) {
      // Here is nobody to throw it to but the network; the next reading does.
      this.#failure = { reason };
    }
  }

  #tell(file: string): void {
    if (!this.#announced || !this.#onProgress) return;
    // What has arrived may be more than is needed, and is not done before it is read.
    const done = this.#read === this.#total;
    const here = done ? this.#total : Math.min(Math.max(this.#read, this.#arrived), this.#total - 1);
    this.#loaded = Math.max(this.#loaded, here);
    this.#last = performance.now();
    const tensor = this.#tensor === undefined ? {} : { tensor: this.#tensor };
    this.#onProgress({ phase: this.#phase, loaded: this.#loaded, total: this.#total, file, ...tensor });
  }
}
