import { build, type Plugin } from "esbuild";
import { inProject } from "./disk.ts";

/** `suites` of the entry: those of `files`, in their order. */
function suitesPlugin(files: readonly string[]): Plugin {
  return {
    name: "suites",
    setup(build) {
      build.onResolve({ filter: /^all-suites$/ }, () => ({ path: "all-suites", namespace: "suites" }));
      build.onLoad({ filter: /.*/, namespace: "suites" }, () => ({
        contents: files
          .map((file) => `import "${file}";`)
          .concat('export { suites } from "./harness.ts";')
          .join("\n"),
        resolveDir: inProject("test"),
        loader: "ts",
      }));
    },
  };
}

/** One module of an entry in test/engines and the suites of `files` below test/, for engines without files. Modules named in `external` are left to the engine. */
export async function bundle(
  entry: string,
  files: readonly string[],
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
    plugins: [suitesPlugin(files)],
    external: [...external],
    sourcemap: "inline",
    logLevel: "error",
    ignoreAnnotations: true, // package.json says that imports alone do nothing: those of suites do
  });
  return outputFiles[0].text;
}
