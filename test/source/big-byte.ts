/** The byte at an offset of the server's /big/ files. */
const bigByte = (offset: number): number => ((Math.imul(offset, 0x9e3779b1) >>> 24) ^ (offset >>> 20)) & 0xff;

/** The bytes from … to - 1 of such a file. */
export function bigBytes(from: number, to: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(to - from);
  for (let i = 0; i < bytes.length; i++) bytes[i] = bigByte(from + i);
  return bytes;
}

/** The index of the first wrong byte of [offset, …), or -1. */
export function wrongByte(bytes: Uint8Array, offset: number): number {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== bigByte(offset + i)) return i;
  return -1;
}

/** One line of a log. */
export interface Logged {
  file: string;
  /** The whole path, as it was asked for. */
  path: string;
  origin: "main" | "other";
  range: string | undefined;
  status: number;
  /** Bytes of the body that were written. */
  sent: number;
  headers: Record<string, string>;
  /** Until the answer ended or its connection was closed. */
  open: boolean;
}
