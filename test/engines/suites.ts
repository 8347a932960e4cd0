// Which suites run on which engine. `npm test`, on this machine's Node, runs all of them.
import { readdirSync } from "node:fs";
import { inProject } from "./disk.ts";

/** Start processes or need a disk. All others are the conformance suite: a module of Node in one of them fails the bundle of workerd and browsers. */
const NODE_ONLY = ["bench/", "cli/", "examples/", "page/", "platform/"];

/** Those of them that are about Node: Deno and Bun, which have a disk and processes, run the others. */
const STARTS_NODE = ["bench/", "cli/", "examples/"];

/**
 * What Node 22 and 24 leave to Node 20 and 26, the oldest and the newest, and to the newest of each other engine: what is a matter of the language
 * alone (texts, files' headers, JSON, refusals; integers and float64 in plain TypeScript; commands that `cli/phi` runs in another form), which two
 * ends and three makers of engines do alike and a version between them otherwise is not to be expected. All that depends on WASM, threads,
 * streams, files or processes runs on each version.
 */
const LANGUAGE_ALONE = [
  ...["api/damaged", "api/estimate", "api/refusals"],
  ...["bench/", "cli/adapters", "cli/args", "cli/docs", "cli/hub", "cli/quantize", "cli/ui", "cli/verify"],
  ...["damage/", "examples/", "page/"],
  ...["formats/", "inline/", "inspect/", "quant/", "tokenizer/"],
  ...["model/config", "source/bytes", "source/checked", "source/json", "tensor/print"],
];

/** What a cross-origin isolated page can do and another cannot: threads, and all that is done in workers with them. */
const THREADS = ["threads/", "worker/", "conformance/hashes"];

/** What follows from the bits, which hashes hold equal on every engine: held on the oldest Node, and on the engines of two other makers. */
const BITS_TELL = ["api/precision", "quantize/experts"];

/** Engines without a disk. */
const DISKLESS = ["workerd", "chromium", "firefox"];

const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  node20: [],
  node22: [...LANGUAGE_ALONE, ...BITS_TELL],
  node24: [...LANGUAGE_ALONE, ...BITS_TELL],
  node26: BITS_TELL,
  deno: [...STARTS_NODE, ...BITS_TELL],
  bun: STARTS_NODE,
  workerd: [...NODE_ONLY, ...BITS_TELL],
  chromium: [...NODE_ONLY, ...BITS_TELL],
  firefox: NODE_ONLY,
};

/**
 * The files below test/ that an engine runs, as "./kernels/rope.test.ts", in the order of their names.
 * @param engine a driver's name: "node22", "chromium-isolated" …
 * @param parts if there are any, only files whose name contains one of them, also those that are left out where they can be run
 */
export function suiteFiles(engine: string, parts: readonly string[]): string[] {
  const [name, isolated] = engine.split("-");
  const wanted = isolated && parts.length === 0 ? THREADS : parts;
  const leftOut = wanted.length === 0 ? LEFT_OUT[name] : DISKLESS.includes(name) ? NODE_ONLY : [];
  return readdirSync(inProject("test"), { recursive: true })
    .map((file) => `./${String(file).replaceAll("\\", "/")}`)
    .filter((file) => file.endsWith(".test.ts") && !file.includes("node_modules"))
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .filter((file) => !leftOut.some((part) => file.startsWith(`./${part}`)))
    .sort();
}
