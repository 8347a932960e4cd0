/** The byte at an offset of the server's /big/ files. */
export const bigByte = (offset: number): number => ((Math.imul(offset, 0x9e3779b1) >>> 24) ^ (offset >>> 20)) & 0xff;

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
