import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import type { WasmBuild } from "../src/kernels/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Compiles AssemblyScript of the benches as scripts/build-wasm.mjs does the library's; the module imports its memory.
 * @param file from the project's root
 * @param options shared: for a memory that threads share. base: where its static data begins
 */
export async function assemble(
  file: string,
  build: WasmBuild,
  { shared = false, base = 1024 }: { shared?: boolean; base?: number } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const flags = [file, "--baseDir", root, "--outFile", "out.wasm", "--memoryBase", String(base)];
  flags.push("--runtime", "stub", "--noAssert", "-O3", "--shrinkLevel", "0", "--disable", "bulk-memory");
  flags.push("--importMemory", "--noExportMemory", "--initialMemory", "1", "--enable", "simd");
  if (shared) flags.push("--enable", "threads", "--sharedMemory", "--maximumMemory", "65536");
  if (build === "relaxed") flags.push("--enable", "relaxed-simd");
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await asc.main(flags, {
    readFile: (name, dir) => {
      try {
        return readFileSync(`${dir}/${name}`, "utf8");
      } catch {
        return null;
      }
    },
    writeFile: (_, bytes) => {
      wasm = Uint8Array.from(bytes as Uint8Array);
    },
  });
  if (error || !wasm) throw new Error(`${file}: ${stderr}`);
  return wasm;
}
