import { readFileSync } from "node:fs";

/** What every runtime can be asked. Times are milliseconds of wall clock. */
export interface Peer {
  /** With its version. */
  name: string;
  /** A prompt of T tokens that it has not seen, until the logits of its last token are there, or the token chosen from them. */
  prompt(T: number): Promise<number>;
  /** n single steps of decoding behind a short prompt: the time of each, or one mean where the runtime tells no more. */
  decode(n: number): Promise<number[]>;
  close(): Promise<void>;
}

const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as {
  dependencies: Record<string, string>;
};

/** "name version", as package.json pins it. */
export const pinned = (name: string): string => `${name} ${dependencies[name]}`;
