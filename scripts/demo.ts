// Builds the page of demo/ into dist/demo, a folder of plain files for any static host, and serves it on this machine.
//   npm run demo                      builds, serves on a free port, prints the address
//   npm run demo -- --port 8080       on that port
//   npm run demo -- --build           builds only
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { PHI_TINY_FILES } from "../demo/phi-tiny-files.ts";
import { serveCommand } from "./serve.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "demo");
const out = join(root, "dist/demo");

/** What the page has beside its code. */
const PLAIN_FILES = ["index.html", "style.css", "icon.svg"];

/** @throws Error if phi-ts itself was not built */
export async function buildPage(): Promise<string> {
  if (!existsSync(join(root, "dist/index.js"))) throw new Error("there is no build of phi-ts: npm run build");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, "phi-tiny"), { recursive: true });
  for (const name of PLAIN_FILES) cpSync(join(page, name), join(out, name));
  for (const name of [...PHI_TINY_FILES, "README.md"])
    cpSync(join(root, "models/phi-tiny", name), join(out, "phi-tiny", name));
  await build({
    entryPoints: [join(page, "main.ts"), join(page, "worker.ts")],
    outdir: out,
    bundle: true,
    format: "esm",
    target: "es2022",
    // "phi-ts" is taken as its users get it: dist/, with the platform of browsers.
    platform: "browser",
    // The page has a file for its worker.
    conditions: ["phi-ts-worker-file"],
    minify: true,
    legalComments: "none",
    logLevel: "warning",
  });
  return out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  await buildPage();
  if (args.includes("--build")) console.log("dist/demo: plain files, ready for any static host");
  else await serveCommand(out, args);
}
