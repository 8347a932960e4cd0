// Which suites run on which engine. `npm test`, on this machine's Node, runs all of them.
import { readdirSync } from "node:fs";
import { inProject } from "./disk.ts";

/** Start processes or need a disk. All others are the conformance suite: a module of Node in one of them fails the bundle of workerd and browsers. */
const NODE_ONLY = ["bench/", "cli/", "examples/", "page/", "platform/"];

/** Those of them that are about Node: Deno and Bun, which have a disk and processes, run the others. */
const STARTS_NODE = ["bench/", "cli/", "examples/"];

/**
 * What Node 22 and 24 run, between Node 20 and 26, the oldest and the newest: WASM, threads, workers, streams, files and processes, and the hashes of
 * whole models. The rest is a matter of the language alone, or follows from the same bits.
 */
const OF_A_VERSION = [
  ...["api/golden", "api/phi", "cli/phi", "conformance/", "core/", "generate/event-loop", "generate/lifecycle"],
  ...["kernels/", "math/", "platform/", "source/http.test", "source/hub", "tensor/", "threads/", "worker/"],
];

/** What a cross-origin isolated page can do and another cannot: threads, and all that is done in workers with them. */
const THREADS = ["threads/", "worker/", "conformance/hashes"];

/** What computes in WASM, and the hashes: with V8's flag for pairs of vectors, which changes what its optimizing compiler makes of a kernel. */
const COMPUTES = ["kernels/", "conformance/hashes", "threads/kernels", "threads/model"];

/** What is as it is whatever Node starts it: held on the oldest one. Of commands, Node 26 runs those of cli/phi, which load a model and answer. */
const ANY_NODE = ["examples/", "cli/adapters", "cli/hub", "cli/quantize", "cli/verify"];

/** What follows from the bits, which hashes hold equal on every engine: held on the oldest Node, and on the engines of two other makers. */
const BITS_TELL = ["api/precision", "quantize/experts"];

/** Engines without a disk. */
const DISKLESS = ["workerd", "chromium", "firefox"];

/** Engines that run no others than these. */
const ONLY: Readonly<Record<string, readonly string[] | undefined>> = {
  node22: OF_A_VERSION,
  node24: OF_A_VERSION,
  "node24-256": COMPUTES,
  "node26-256": COMPUTES,
  "chromium-isolated": THREADS,
  "firefox-isolated": THREADS,
};

/** What the others leave out. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  node20: [],
  node26: [...ANY_NODE, ...BITS_TELL],
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
  const [name] = engine.split("-");
  const wanted = parts.length > 0 ? parts : (ONLY[engine] ?? []);
  const leftOut = wanted.length === 0 ? LEFT_OUT[name] : DISKLESS.includes(name) ? NODE_ONLY : [];
  return readdirSync(inProject("test"), { recursive: true })
    .map((file) => `./${String(file).replaceAll("\\", "/")}`)
    .filter((file) => file.endsWith(".test.ts") && !file.includes("node_modules"))
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .filter((file) => !leftOut.some((part) => file.startsWith(`./${part}`)))
    .sort();
}
