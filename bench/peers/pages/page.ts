/** What a page offers to the driver (browser.ts): `open` gives the runtime's name, and then it can be asked as a Peer can. */
export interface PagePeer {
  name: string;
  prompt(T: number): Promise<number>;
  decode(n: number): Promise<number[]>;
}

export interface PageOptions {
  /** Of the model's folder or file. */
  url: string;
  threads: number;
}

declare global {
  var open_: (options: PageOptions) => Promise<string>;
  var peer: PagePeer;
}

export function offer(open: (options: PageOptions) => Promise<PagePeer>): void {
  globalThis.open_ = async (options) => {
    if (!crossOriginIsolated) throw new Error("the page is not isolated: no threads");
    globalThis.peer = await open(options);
    return globalThis.peer.name;
  };
}

/** Another first token each time, since what is known of a prompt may not be computed again. */
let first = 1000;
export const freshIds = (T: number): number[] =>
  Array.from({ length: T }, (_, i) => (i === 0 ? first++ : (i * 37) % 30000));
