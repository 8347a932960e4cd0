// Bundles worker.ts with phi-ts into dist/workerd/worker.js. The .wasm and the model's files stay modules of their own: config.capnp names them.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
if (!existsSync(at("../../dist/index.js"))) throw new Error("there is no build of phi-ts: npm run build");

await build({
  entryPoints: [at("worker.ts")],
  outfile: at("../../dist/workerd/worker.js"),
  bundle: true,
  format: "esm",
  target: "es2022",
  conditions: ["workerd"],
  external: ["phi-ts/wasm/*", "phi-tiny/*"],
  legalComments: "none",
  logLevel: "warning",
});
