import { readdirSync } from "node:fs";
import { build, type Plugin } from "esbuild";
import { inProject } from "./disk.ts";

/** Folders of test/ whose suites start processes or need a disk. All others are the conformance suite: a module of Node in one of them fails the bundle. */
export const NODE_ONLY = ["bench/", "cli/", "examples/", "page/", "platform/"];

/** The files of the conformance suite below test/, or those of them whose name contains one of `parts`. */
export function conformanceFiles(parts: readonly string[]): string[] {
  return readdirSync(inProject("test"), { recursive: true })
    .map((file) => String(file).replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".test.ts") && !file.includes("node_modules"))
    .filter((file) => !NODE_ONLY.some((folder) => file.startsWith(folder)))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
    .sort();
}

/** `suites` of the entry: the conformance suites in the order of their files. */
function suitesPlugin(parts: readonly string[]): Plugin {
  return {
    name: "suites",
    setup(build) {
      build.onResolve({ filter: /^all-suites$/ }, () => ({ path: "all-suites", namespace: "suites" }));
      build.onLoad({ filter: /.*/, namespace: "suites" }, () => ({
        contents: conformanceFiles(parts)
          .map((file) => `import "./${file}";`)
          .concat('export { suites } from "./harness.ts";')
          .join("\n"),
        resolveDir: inProject("test"),
        loader: "ts",
      }));
    },
  };
}

/** One module of an entry in test/engines and the suites, for engines without files. Modules named in `external` are left to the engine. */
export async function bundle(
  entry: string,
  parts: readonly string[],
  external: readonly string[] = [],
): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [inProject(`test/engines/${entry}`)],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "browser",
    conditions: ["phi-ts-source"],
    plugins: [suitesPlugin(parts)],
    external: [...external],
    sourcemap: "inline",
    logLevel: "error",
    ignoreAnnotations: true, // package.json says that imports alone do nothing: those of suites do
  });
  return outputFiles[0].text;
}
