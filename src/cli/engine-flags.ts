import { setFlagsFromString } from "node:v8";

/**
 * What V8 has behind flags and is worth having: an application may set these before WebAssembly is compiled, for its whole process; a library must
 * not. Each only in those versions of V8 in which our suites give the same bits with it as without (`.ci/run`, docs/engines.md).
 */
const FLAGS: readonly { name: string; v8: readonly string[]; arch?: string }[] = [
  // Node 20. Its faulty instruction (kernels/known-answers.ts) is found and not used.
  { name: "--experimental-wasm-relaxed-simd", v8: ["11.3"] },
  // Node 24 and 26: pairs of 128-bit operations become AVX2's of 256 bits (ARCHITECTURE.md, "Wider vectors").
  { name: "--experimental-wasm-revectorize", v8: ["13.6", "14.6"], arch: "x64" },
];

/** What `process` says; `arch` and `env` as Node has them. */
interface Where {
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly arch: string;
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** V8 reads --no-a-b and --noa_b alike. */
const bare = (flag: string): string => flag.replace(/^-+/, "").replaceAll("_", "-").replace(/^no-?/, "");

/**
 * The flags to set: those of this version, but for those that whoever started Node has named himself, either way (`node --no-…`), and none where
 * PHI_NO_ENGINE_FLAGS is set. Bun and Deno get none: there nothing of this is proven.
 */
export function engineFlagsOf({ versions, arch, execArgv, env }: Where): string[] {
  if (env.PHI_NO_ENGINE_FLAGS || versions.bun !== undefined || versions.deno !== undefined) return [];
  const version = versions.v8?.split(".").slice(0, 2).join(".") ?? "";
  const named = new Set([...execArgv, ...(env.NODE_OPTIONS ?? "").split(/\s+/)].map(bare));
  return FLAGS.filter(
    (flag) => flag.v8.includes(version) && (flag.arch ?? arch) === arch && !named.has(bare(flag.name)),
  ).map(({ name }) => name);
}

/** Sets what {@link engineFlagsOf} says of this process, its worker threads included. @returns what was set */
export function setEngineFlags(): string[] {
  const flags = engineFlagsOf(process);
  for (const flag of flags) setFlagsFromString(flag);
  return flags;
}
