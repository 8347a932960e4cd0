// Holds the import arrows of ARCHITECTURE.md against the code: a folder may import only what stands below it, and no file is in a circle.
// That no global of a runtime is named outside of platform/ and cli/ is a rule of biome.json (noRestrictedGlobals); globalThis is looked for here.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../src/", import.meta.url));

/** For each part of the house (a folder of src, or a file in it), the parts that it may import. */
const MAY_IMPORT = {
  message: [],
  errors: ["message"],
  faults: ["errors"],
  options: ["errors"],
  "event-loop": [],
  source: ["errors", "options"],
  open: ["errors", "options", "source", "#platform"],
  formats: ["message", "errors", "faults", "options", "source", "open", "tensor", "quant", "#platform"],
  tensor: ["errors", "options"],
  quant: ["errors", "tensor"],
  math: ["message", "errors"],
  inline: ["errors"],
  kernels: ["message", "errors", "options", "tensor", "quant", "math", "inline"],
  port: ["#platform"],
  threads: ["errors", "tensor", "kernels", "port", "#platform"],
  tokenizer: ["message", "errors", "faults", "options", "source", "open"],
  model: ["errors", "faults", "tensor", "quant", "math", "kernels"],
  load: [
    ...["errors", "faults", "options", "event-loop", "source", "threads", "formats", "tensor", "quant", "kernels"],
    "model",
  ],
  generate: ["errors", "options", "event-loop", "math", "tokenizer", "model"],
  worker: [
    "message",
    "errors",
    "event-loop",
    "source",
    "port",
    "threads",
    "kernels",
    "model",
    "load",
    "generate",
    "#platform",
  ],
  phi: ["errors", "options", "model", "load", "tokenizer", "generate"],
  core: [
    ...[
      "errors",
      "faults",
      "options",
      "source",
      "open",
      "formats",
      "kernels",
      "model",
      "load",
      "tokenizer",
      "generate",
    ],
    ...["phi", "threads", "port", "worker", "#platform", "#worker-code"],
  ],
  "load-phi": ["errors", "faults", "source", "open", "load", "phi", "worker", "core", "#platform", "#worker-code"],
  estimate: ["options", "open", "quant", "kernels", "model", "load", "generate", "load-phi"],
  inspect: [
    ...["errors", "faults", "source", "open", "tokenizer", "quant", "kernels", "model", "load", "generate", "load-phi"],
    "estimate",
  ],
  platform: ["errors", "source", "port"],
  index: [
    "errors",
    "source",
    "open",
    "model",
    "load",
    "tokenizer",
    "generate",
    "phi",
    "worker",
    "load-phi",
    "estimate",
    "inspect",
  ],
  quantize: [
    ...["errors", "options", "event-loop", "source", "open", "formats", "tensor", "quant", "kernels", "model", "load"],
    ...["tokenizer", "generate", "phi", "threads", "load-phi", "#platform"],
  ],
  merge: [
    ...["errors", "options", "event-loop", "source", "open", "formats", "tensor", "kernels", "model"],
    ...["load", "load-phi", "#platform"],
  ],
  cli: [
    "errors",
    "options",
    "source",
    "open",
    "formats",
    "tensor",
    "quant",
    "kernels",
    "model",
    "load",
    "tokenizer",
    "generate",
    "quantize",
    "merge",
    "load-phi",
    "inspect",
    "index",
    "platform",
    "#platform",
  ],
};

/** Files beside platform/ and cli/ that may say globalThis, and what for. */
const GLOBAL_THIS = {
  "event-loop.ts": "takes setImmediate or MessageChannel, whichever the engine has",
  "generate/prng.ts": "crypto, which every engine has",
};

const files = readdirSync(src, { recursive: true })
  .map((f) => String(f).replaceAll("\\", "/"))
  .filter((f) => f.endsWith(".ts") && !f.startsWith("kernels/wasm/"));
const partOf = (file) => file.split("/")[0].replace(/\.ts$/, "");
const faults = [];
const graph = new Map();

for (const file of files) {
  const text = readFileSync(join(src, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const part = partOf(file);
  if (!MAY_IMPORT[part]) faults.push(`${file}: "${part}" is no part of the house (scripts/check-imports.mjs)`);
  const targets = [];
  for (const [statement, name] of text.matchAll(/^(?:import|export)\b[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"/gm)) {
    if (name === undefined) continue;
    if (name.startsWith(".")) {
      const target = posix.normalize(posix.join(dirname(file), name));
      if (!/^(?:import|export) type\b/.test(statement)) targets.push(target);
      const to = partOf(target);
      if (to !== part && !MAY_IMPORT[part]?.includes(to))
        faults.push(`${file}: ${part} may not import ${to} (${name})`);
    } else if (name.startsWith("#")) {
      if (!MAY_IMPORT[part]?.includes(name)) faults.push(`${file}: ${part} may not import ${name}`);
    } else if (part !== "platform" && part !== "cli") {
      faults.push(`${file}: only platform/ and cli/ may name a runtime's module (${name})`);
    }
  }
  if (/\bimport\s*\(|\bimport\.meta\b/.test(text))
    faults.push(`${file}: dynamic import() and import.meta have no place in src/`);
  if (/\bglobalThis\b/.test(text) && part !== "platform" && part !== "cli" && !GLOBAL_THIS[file])
    faults.push(`${file}: globalThis is a way around the rule that only platform/ and cli/ may name a runtime`);
  graph.set(file, targets);
}

const state = new Map();
function visit(file, path) {
  if (state.get(file) === "done") return;
  if (state.get(file) === "open") {
    faults.push(`circle: ${[...path.slice(path.indexOf(file)), file].join(" -> ")}`);
    return;
  }
  state.set(file, "open");
  for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
  state.set(file, "done");
}
for (const file of files) visit(file, []);

for (const fault of faults) console.error(fault);
if (faults.length) process.exit(1);
console.log(`imports: ${files.length} files, every arrow as ARCHITECTURE.md draws it, no circle`);
