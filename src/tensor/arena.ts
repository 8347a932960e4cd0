import { MemoryError, OptionError } from "../errors.ts";
import { checkNumber, checkOptions } from "../options.ts";
import { INSPECT } from "./print.ts";

/** Memories come in pages of so many bytes. */
export const PAGE = 65536;
const MOST_PAGES = 65536; // 4 GiB, what 32-bit pointers reach

/** Bytes at the start of every arena that belong to the kernels (static data of the WASM module, per-call scratch). */
export const KERNEL_RESERVE = PAGE;

/** Every placement begins at a multiple of this many bytes (a cache line). */
export const ALIGN = 64;

function checkBytes(what: string, bytes: unknown): void {
  if (Number.isInteger(bytes) && (bytes as number) >= 0) return;
  throw new OptionError({ what, got: bytes, expected: "a whole number from 0" });
}

let wasmMemory: boolean | undefined;

/** Whether the engine gives WebAssembly memories at all; a single page is no question of size. */
function hasWasmMemory(): boolean {
  try {
    wasmMemory ??= new WebAssembly.Memory({ initial: 1, maximum: 1 }) !== undefined;
  } catch {
    wasmMemory = false;
  }
  return wasmMemory;
}

/** `n` rounded up to the next multiple of `to`. */
export const alignUp = (n: number, to: number = ALIGN): number => Math.ceil(n / to) * to;

/** A `WebAssembly.Memory`, by what is used of it: not every project's types have the name. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

/** Options of an {@link Arena}. */
export interface ArenaOptions {
  /** Stands in error messages; default "arena". */
  name?: string;
  /** false: a plain ArrayBuffer, which only reference kernels can work in; default true where the engine gives WebAssembly memories. */
  wasm?: boolean;
  /** Bytes up to which the arena may grow when it is full; default: it never grows. Growing detaches earlier views of `buffer`. */
  growTo?: number;
  /** true: a shared memory, in which several threads can work; needs SharedArrayBuffer. Default false. */
  shared?: boolean;
}

/**
 * One linear memory, and a pointer to its first free byte. Tensors are placed into it one after the other; kernels address it by byte
 * offsets. Where WebAssembly exists the memory is a `WebAssembly.Memory`, so that compiled kernels can work in it without copying.
 */
export class Arena {
  /** For error messages. */
  readonly name: string;
  /** The memory WASM kernels bind to; undefined where WebAssembly is absent or not wanted. */
  readonly memory: WasmMemory | undefined;
  /** Whether several threads may work in it: `buffer` is a SharedArrayBuffer then. */
  readonly shared: boolean;
  #buffer: ArrayBuffer | undefined;
  #pages: number;
  readonly #mostPages: number;
  #top = KERNEL_RESERVE;

  /**
   * @param bytes what the tensors need; the kernels' reserve comes on top
   * @throws MemoryError if the engine does not give that much, OptionError for an unknown or unfit option
   */
  constructor(bytes: number, options: ArenaOptions = {}) {
    checkOptions("Arena", options, ["name", "wasm", "growTo", "shared"]);
    this.name = options.name ?? "arena";
    checkBytes("Arena: bytes", bytes);
    this.#pages = Math.ceil((bytes + KERNEL_RESERVE) / PAGE);
    if (this.#pages > MOST_PAGES) {
      throw new MemoryError({ what: `${this.name}: one arena holds at most 4 GiB`, got: `${bytes} bytes` });
    }
    const growTo = checkNumber("Arena", "growTo", options.growTo, { min: 0, max: MOST_PAGES * PAGE }, 0);
    this.#mostPages = Math.max(this.#pages, Math.ceil(growTo / PAGE));
    const { shared = false } = options;
    if (typeof shared !== "boolean")
      throw new OptionError({ what: 'Arena: option "shared"', got: shared, expected: "true or false" });
    this.shared = shared;
    try {
      if (this.shared || (options.wasm !== false && hasWasmMemory())) {
        const [initial, maximum] = [this.#pages, this.#mostPages];
        this.memory = new WebAssembly.Memory({ initial, maximum, shared: this.shared });
      } else {
        this.#buffer = new ArrayBuffer(this.byteLength);
      }
    } catch (cause) {
      throw new MemoryError({ what: `${this.name}: the engine gave no memory of ${this.byteLength} bytes`, cause });
    }
  }

  /** Size of the memory, the kernels' reserve included. */
  get byteLength(): number {
    return this.#pages * PAGE;
  }

  /** The bytes; ask anew after an allocation where the arena may grow. */
  get buffer(): ArrayBufferLike {
    const buffer = this.memory ? this.memory.buffer : this.#buffer;
    if (!buffer) throw new MemoryError({ what: `${this.name} was used after it was freed` });
    return buffer;
  }

  /** Bytes still free, without growing. */
  get free(): number {
    return this.byteLength - this.#top;
  }

  /**
   * Takes `bytes` bytes (zero at first use) and returns their offset, a multiple of {@link ALIGN}.
   * @throws MemoryError if the arena is full, OptionError for what is no number of bytes
   */
  alloc(bytes: number): number {
    checkBytes(`${this.name}: bytes to allocate`, bytes);
    const ptr = this.#top;
    const end = alignUp(ptr + bytes);
    if (!(end <= this.byteLength || this.#grow(end))) {
      throw new MemoryError({
        what: `${this.name} is full`,
        got: `${bytes} bytes asked for`,
        expected: `at most ${this.#mostPages * PAGE - this.#top}`,
      });
    }
    this.#top = end;
    return ptr;
  }

  /** Makes room up to byte `end`, at least doubling; false if that is past what is allowed, or the engine refuses. */
  #grow(end: number): boolean {
    const pages = Math.min(this.#mostPages, Math.max(Math.ceil(end / PAGE), 2 * this.#pages));
    if (end > pages * PAGE) return false;
    try {
      if (this.memory) {
        this.memory.grow(pages - this.#pages);
      } else {
        const larger = new ArrayBuffer(pages * PAGE);
        new Uint8Array(larger).set(new Uint8Array(this.buffer));
        this.#buffer = larger;
      }
    } catch {
      return false;
    }
    this.#pages = pages;
    return true;
  }

  /** The place up to which the arena is used; give it to {@link release} to free all that was taken since. */
  mark(): number {
    return this.#top;
  }

  /** @throws OptionError for what is no place below the mark of now */
  release(mark: number): void {
    if (!(Number.isInteger(mark) && mark >= KERNEL_RESERVE && mark <= this.#top)) {
      const expected = `a mark, ${KERNEL_RESERVE} … ${this.#top}`;
      throw new OptionError({ what: `${this.name}: release`, got: mark, expected });
    }
    this.#top = mark;
  }

  toString(): string {
    return `Arena "${this.name}": ${this.#top} of ${this.byteLength} bytes used`;
  }

  /** What Node's REPL and console.log print. */
  [INSPECT](): string {
    return this.toString();
  }
}
