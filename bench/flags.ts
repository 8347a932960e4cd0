import { setEngineFlags } from "../src/cli/engine-flags.ts";

/** `--no-flags`: the engine as a library finds it. */
const NO_FLAGS = "--no-flags";

/** Set here, before any WebAssembly is compiled: what the `phi` command would set. An application may do that, and a library not. */
const set = process.argv.includes(NO_FLAGS) ? [] : setEngineFlags();

/** The experimental flags of WebAssembly that V8 has in this process, those among them that were given to Node. */
export const FLAGS: readonly string[] = [
  ...set,
  ...process.execArgv.filter((flag) => flag.startsWith("--experimental-wasm-")),
];

/** The arguments without `--no-flags`, for benches that parse theirs. */
export const withoutNoFlags = (args: readonly string[]): string[] => args.filter((arg) => arg !== NO_FLAGS);
