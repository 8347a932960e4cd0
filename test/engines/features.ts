import type { Features } from "../harness.ts";

/** Sections of a module with one function of type () -> (), whose body is `code`. */
const moduleOf = (...code: number[]): Uint8Array<ArrayBuffer> => {
  const body = [0, ...code, 0x0b];
  const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
  return Uint8Array.from([...head, 10, body.length + 2, 1, body.length, ...body]);
};

const I32_0 = [0x41, 0];
const I8X16_SPLAT = [0xfd, 0x0f];
const V128 = [...I32_0, ...I8X16_SPLAT];
const DROP = 0x1a;
/** i16x8.relaxed_dot_i8x16_i7x16_s, opcode 0x112 as LEB128. */
const RELAXED_DOT = [0xfd, 0x92, 0x02];

/** What can be found out on any engine without a file system; the rest is the driver's to say. */
export async function detectFeatures(): Promise<Omit<Features, "files">> {
  const simple = moduleOf();
  return {
    workers: typeof Worker !== "undefined",
    sharedMemory: sharedMemory(),
    waits: waits(),
    simd: WebAssembly.validate(moduleOf(...V128, DROP)),
    relaxedSimd: WebAssembly.validate(moduleOf(...V128, ...V128, ...RELAXED_DOT, DROP)),
    compileBytes: await WebAssembly.compile(simple).then(
      () => true,
      () => false,
    ),
  };
}

function waits(): boolean {
  try {
    return sharedMemory() && Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0) === "not-equal";
  } catch {
    return false;
  }
}

/** Pages without cross-origin isolation have the memory and cannot send it to a thread: that is no. */
function sharedMemory(): boolean {
  if ((globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === false) return false;
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}
