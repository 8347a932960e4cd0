import { MemoryError } from "../errors.ts";

const PAGE = 65536;

/** Bytes at the start of every arena that belong to the kernels (static data of the WASM module, per-call scratch). */
export const KERNEL_RESERVE = PAGE;

/** Every placement begins at a multiple of this many bytes (a cache line). */
export const ALIGN = 64;

/** `n` rounded up to the next multiple of `to`. */
export const alignUp = (n: number, to: number = ALIGN): number => Math.ceil(n / to) * to;

/**
 * One linear memory, and a pointer to its first free byte. Tensors are placed into it one after the other; kernels address it by byte
 * offsets. Where WebAssembly exists the memory is a `WebAssembly.Memory`, so that compiled kernels can work in it without copying.
 */
export class Arena {
  readonly name: string;
  /** The memory WASM kernels bind to; undefined where WebAssembly is absent or not wanted. */
  readonly memory: WebAssembly.Memory | undefined;
  readonly byteLength: number;
  #buffer: ArrayBuffer | undefined;
  #top = KERNEL_RESERVE;

  /**
   * @param bytes what the tensors need; the kernels' reserve comes on top
   * @throws MemoryError if the engine does not give that much
   */
  constructor(bytes: number, options: { name?: string; wasm?: boolean } = {}) {
    this.name = options.name ?? "arena";
    const pages = Math.ceil((bytes + KERNEL_RESERVE) / PAGE);
    this.byteLength = pages * PAGE;
    if (!(pages <= 65536)) {
      throw new MemoryError({ what: `${this.name}: one arena holds at most 4 GiB`, got: `${bytes} bytes` });
    }
    try {
      if (options.wasm !== false && typeof WebAssembly === "object") {
        this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
      } else {
        this.#buffer = new ArrayBuffer(this.byteLength);
      }
    } catch (cause) {
      throw new MemoryError({ what: `${this.name}: the engine gave no memory of ${this.byteLength} bytes`, cause });
    }
  }

  get buffer(): ArrayBuffer {
    const buffer = this.memory ? (this.memory.buffer as ArrayBuffer) : this.#buffer;
    if (!buffer) throw new MemoryError({ what: `${this.name} was used after it was freed` });
    return buffer;
  }

  /** Bytes still free. */
  get free(): number {
    return this.byteLength - this.#top;
  }

  /**
   * Takes `bytes` bytes (zero at first use) and returns their offset, a multiple of {@link ALIGN}.
   * @throws MemoryError if the arena is full
   */
  alloc(bytes: number): number {
    const ptr = this.#top;
    const end = alignUp(ptr + bytes);
    if (end > this.byteLength) {
      throw new MemoryError({
        what: `${this.name} is full`,
        got: `${bytes} bytes asked for`,
        expected: `at most ${this.free}`,
      });
    }
    this.#top = end;
    return ptr;
  }

  /** The place up to which the arena is used; give it to {@link release} to free all that was taken since. */
  mark(): number {
    return this.#top;
  }

  release(mark: number): void {
    this.#top = mark;
  }
}
