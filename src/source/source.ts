/**
 * Where bytes come from. A Source is a flat folder of named files, read lazily by byte range; a checkpoint folder on disk, a set of
 * Blobs, a web server and a Map of bytes all look the same to the readers above.
 */
export interface Source {
  /** Names of the files in the folder (no subfolders), in any order. Absent where a place cannot tell, as a web server: its files are found by opening them. */
  list?(): Promise<string[]>;
  /** A file by its name. @throws SourceError (code "not_found") if there is no such file */
  open(name: string, options?: OpenOptions): Promise<SourceFile>;
}

/** A Source that knows the names of its files. */
export interface ListedSource extends Source {
  list(): Promise<string[]>;
}

/** What {@link Source.open} may be told; a source whose bytes are at hand need not listen. */
export interface OpenOptions {
  /** Ends the opening and every reading of the file: requests are cancelled, and what waits rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called with a number of bytes whenever so many more have arrived from afar, which may be long before somebody reads them. */
  onBytes?: (bytes: number) => void;
}

/** One file of a {@link Source}. */
export interface SourceFile {
  /** Length of the file in bytes. */
  readonly size: number;
  /**
   * Reads exactly `length` bytes from `offset` into the start of `into` (at least `length` long; a view of an arena's memory is welcome, which may be shared by threads).
   * A file of a caller's own source is asked for one piece after the other.
   * @returns the `length` bytes as a view of `into`, or fresh bytes where `into` is absent
   * @throws SourceError if the range reaches past the end of the file
   */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  /** Gives back what the file holds open, if anything. */
  close?(): Promise<void>;
}

/** What a path, a URL or a Blob leads to. */
export interface Opened<S extends Source = Source> {
  /** The folder, or the folder in which the file lies. */
  source: S;
  /** The file's name in it, if a file was named. */
  file?: string;
}
