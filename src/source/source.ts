/**
 * Where bytes come from. A Source is a flat folder of named files, read lazily by byte range; a checkpoint folder on disk, a set of
 * Blobs, a web server and a Map of bytes all look the same to the readers above.
 */
export interface Source {
  /** Names of the files in the folder (no subfolders), in any order. */
  list(): Promise<string[]>;
  /** A file by its name. @throws SourceError if there is no such file */
  open(name: string): Promise<SourceFile>;
}

/** One file of a {@link Source}. */
export interface SourceFile {
  /** Length of the file in bytes. */
  readonly size: number;
  /**
   * Reads exactly `length` bytes from `offset` into the start of `into` (at least `length` long; a view of an arena's memory is welcome).
   * @returns the `length` bytes as a view of `into`, or fresh bytes where `into` is absent
   * @throws SourceError if the range reaches past the end of the file
   */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  /** Gives back what the file holds open, if anything. */
  close?(): Promise<void>;
}

/** What a path leads to. */
export interface OpenedPath {
  /** The folder, or the folder in which the file lies. */
  source: Source;
  /** The file's name in it, if the path named a file. */
  file?: string;
}
