import type { Source, SourceFile } from "../source/source.ts";
import type { Handlers } from "./peer.ts";
import { Handover, type Peer } from "./peer.ts";
import type { CallerCalls, CallerNotes, WorkerCalls, WorkerNotes } from "./protocol.ts";

/** The worker, talking to its caller. */
export type WorkerPeer = Peer<CallerCalls, CallerNotes, WorkerCalls, WorkerNotes>;

/** In the worker: the caller's source. Bytes come in memory that is handed over, and goes back with the next read; shared memory the caller fills itself. */
export function remoteSource(peer: WorkerPeer, lists: boolean): Source {
  const spares: ArrayBuffer[] = [];
  const read = async (file: number, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> => {
    if (into && isShared(into)) {
      const place = into.subarray(0, length);
      await peer.ask("readInto", { file, offset, into: place }).answer;
      return place;
    }
    const spare = spares.pop();
    const asked = peer.ask("read", { file, offset, length, spare }, undefined, spare ? [spare] : []);
    const bytes = await asked.answer;
    if (!into) return bytes;
    into.set(bytes);
    spares.push(bytes.buffer as ArrayBuffer);
    return into.subarray(0, length);
  };
  return {
    ...(lists && { list: () => peer.ask("list", undefined).answer }),
    async open(name): Promise<SourceFile> {
      const { file, size } = await peer.ask("open", { name }).answer;
      return {
        size,
        read: (offset, length, into) => read(file, offset, length, into),
        close: async () => peer.tell("close", { file }),
      };
    },
  };
}

type SourceHandlers = Omit<Handlers<CallerCalls, CallerNotes>, "helpers" | "dismiss">;

const isShared = ({ buffer }: Uint8Array): boolean =>
  typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;

/** On the caller's side: answers what the worker asks of `source`. */
export function sourceHandlers(source: Source): { handlers: SourceHandlers; closeAll(): void } {
  const files = new Map<number, SourceFile>();
  let opened = 0;
  let over = false;
  // Nobody waits for it; a file that cannot be closed has been read all the same.
  const close = (file: SourceFile | undefined) => void file?.close?.().catch(() => {});
  const handlers: SourceHandlers = {
    list: async () => source.list?.() ?? [],
    async open({ name }) {
      const file = await source.open(name);
      if (over) close(file);
      else files.set(++opened, file);
      return { file: opened, size: file.size };
    },
    async read({ file, offset, length, spare }) {
      const room = spare && spare.byteLength >= length ? new Uint8Array(spare, 0, length) : new Uint8Array(length);
      const bytes = await (files.get(file) as SourceFile).read(offset, length, room);
      return new Handover(bytes, [bytes.buffer as ArrayBuffer]);
    },
    async readInto({ file, offset, into }) {
      await (files.get(file) as SourceFile).read(offset, into.length, into);
      return undefined;
    },
    close({ file }) {
      close(files.get(file));
      files.delete(file);
    },
  };
  const closeAll = () => {
    over = true;
    for (const file of files.values()) close(file);
    files.clear();
  };
  return { handlers, closeAll };
}
