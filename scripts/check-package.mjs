// Holds the package against what its users do with it: packs it, installs the tarball into a fresh project, and imports and type-checks
// every entry there. Prints one line per claim and "N passed, N failed, N skipped".
//   node scripts/check-package.mjs [--engine NAME=COMMAND]…     also imports it in these engines, for instance
//     --engine "deno=deno run -A" --engine bun=bun --engine "Node 24=npx -y -p node@24 node"
//     --engine workerd=PATH --engine chromium=PATH --engine firefox=PATH
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUNDLES, bundleSize } from "./bundle-size.mjs";
import { importIn } from "./package-engines.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const pkg = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const project = mkdtempSync(join(tmpdir(), "phi-ts-package-"));
const run = (command, args, cwd = project) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

let passed = 0;
let failed = 0;
async function claim(title, check) {
  try {
    const fault = await check();
    if (fault) throw new Error(fault);
    passed++;
    console.log(`✓ ${title}`);
  } catch (error) {
    failed++;
    console.log(
      `✗ ${title}\n  ${`${error.message}\n${error.stdout ?? ""}`.trim().split("\n").slice(0, 12).join("\n  ")}`,
    );
  }
}

const entries = Object.keys(pkg.exports).filter((name) => name !== "./package.json" && !name.includes("*"));
// "phi-ts/worker" is for the file of a worker: elsewhere it throws.
const specifiers = entries.filter((name) => name !== "./worker").map((name) => pkg.name + name.slice(1));
try {
  run("npm", ["run", "prepack", "--silent"], root);
  const pack = ["pack", "--json", "--silent", "--ignore-scripts", "--pack-destination", project];
  const [tarball] = JSON.parse(run("npm", pack, root));
  const files = tarball.files.map((f) => f.path);

  await claim("no dependencies and no install scripts", () => {
    const scripts = ["preinstall", "install", "postinstall", "prepare"].filter((name) => pkg.scripts[name]);
    return Object.keys(pkg.dependencies ?? {}).length + scripts.length ? `got ${scripts}` : "";
  });
  await claim("the tarball holds dist and papers, and no models, tests or build states", () => {
    const allowed = /^(dist\/.*\.(js|d\.ts)|dist\/wasm\/[a-z-]+\.wasm|package\.json|[A-Z]+\.md|LICENSE)$/;
    return files.filter((f) => !allowed.test(f)).join(", ");
  });
  for (const name of entries) {
    await claim(`exports "${name}" has types first and default last, and both files are packed`, () => {
      const targets = pkg.exports[name];
      const order = Object.keys(targets).filter((condition) => condition !== "phi-ts-source");
      if (order[0] !== "types" || order.at(-1) !== "default") return `conditions are ${order}`;
      const missing = order.map((c) => targets[c].slice(2)).filter((f) => !files.includes(f));
      return missing.length ? `not packed: ${missing}` : "";
    });
  }

  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", join(project, tarball.filename)]);
  await claim("plain JavaScript imports every entry", () => {
    const lines = specifiers.map((s) => `console.log(Object.keys(await import("${s}")).length, "${s}");`);
    writeFileSync(join(project, "user.mjs"), lines.join("\n"));
    const empty = run("node", ["user.mjs"]).match(/^0 .*/gm);
    return empty ? `nothing exported: ${empty}` : "";
  });
  await claim("every WASM build is packed, under the name that exports gives it, and strict compiles", () => {
    const builds = files.filter((f) => f.startsWith("dist/wasm/")).map((f) => f.slice("dist/wasm/".length));
    const built = ["relaxed-shared.wasm", "relaxed.wasm", "strict-shared.wasm", "strict.wasm"];
    if (builds.sort().join() !== built.join()) return `packed ${builds}, built ${built}`;
    const read = (name) => `fs.readFileSync(require.resolve("${pkg.name}/wasm/${name}"))`;
    const lines = [
      'const fs = require("node:fs");',
      ...builds.map(read),
      `new WebAssembly.Module(${read("strict.wasm")});`,
    ];
    writeFileSync(join(project, "wasm.cjs"), lines.join("\n"));
    run("node", ["wasm.cjs"]);
  });
  await claim("a model runs in a worker: of phi-ts's own code, and of a file that imports phi-ts/worker", () => {
    writeFileSync(join(project, "worker.mjs"), 'import "phi-ts/worker";\n');
    const user = `import { Worker } from "node:worker_threads";
      import { loadPhi } from "phi-ts";
      for (const worker of [true, () => new Worker(new URL("worker.mjs", import.meta.url))]) {
        const phi = await loadPhi(${JSON.stringify(join(root, "models/phi-tiny"))}, { worker });
        console.log((await phi.chat("What is 12 + 30?").result()).text);
        await phi.dispose();
      }`;
    writeFileSync(join(project, "off-thread.mjs"), user);
    const said = run("node", ["off-thread.mjs"]);
    return said.match(/42/g)?.length >= 2 ? "" : said;
  });
  await claim(
    "phi-ts/core runs a model with what it is given: in-thread, with a helper, and in a worker of a file that serves",
    () => {
      writeFileSync(join(project, "core-worker.mjs"), 'import { serve } from "phi-ts/core/worker";\nserve();\n');
      const user = `import { Worker } from "node:worker_threads";
      import { loadPhi, openModel } from "phi-ts/core";
      import { helpers } from "phi-ts/core/helpers";
      import { offThread } from "phi-ts/core/off-thread";
      import { text } from "phi-ts/core/text";
      const worker = offThread(() => new Worker(new URL("core-worker.mjs", import.meta.url)));
      for (const parts of [{}, { helpers, threads: 2 }, { worker }, { worker, threads: 2 }]) {
        const phi = await loadPhi(await openModel(${JSON.stringify(join(root, "models/phi-tiny"))}), { text, ...parts });
        console.log((await phi.chat("What is 12 + 30?").result()).text, phi.threads);
        await phi.dispose();
      }`;
      writeFileSync(join(project, "core.mjs"), user);
      const said = run("node", ["core.mjs"]);
      return said.match(/42.* 1\n.*42.* 2\n.*42.* 1\n.*42.* 2/s) ? "" : said;
    },
  );
  await claim("require.resolve finds every entry", () => {
    writeFileSync(join(project, "user.cjs"), specifiers.map((s) => `require.resolve("${s}");`).join("\n"));
    run("node", ["user.cjs"]);
  });
  await claim("the `phi` command starts", () => {
    const help = run("node_modules/.bin/phi", ["--help"]);
    return help.includes("phi chat") ? "" : help;
  });
  const imports = specifiers.map((s, i) => `import * as m${i} from "${s}";\nexport const k${i} = Object.keys(m${i});`);
  writeFileSync(join(project, "user.ts"), imports.join("\n"));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  if (!existsSync(tsc)) throw new Error("no TypeScript: run npm ci first");
  const types = join(root, "node_modules/@types");
  for (const [where, options] of [
    ["moduleResolution bundler, without @types/node", { module: "esnext", moduleResolution: "bundler" }],
    ["moduleResolution nodenext, without @types/node", { module: "nodenext" }],
    ["the types of a Web Worker, without those of the DOM", { module: "nodenext", lib: ["es2022", "webworker"] }],
    ["@types/node, without the DOM", { module: "nodenext", lib: ["es2022"], types: ["node"], typeRoots: [types] }],
  ]) {
    await claim(`TypeScript accepts every entry's declarations with ${where}`, () => {
      const compilerOptions = { strict: true, noEmit: true, target: "es2022", types: [], ...options };
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["user.ts"] }));
      run("node", [tsc, "-p", "."]);
    });
  }
  for (const [name, bundle] of Object.entries(BUNDLES)) {
    await claim(`${name}: at most ${bundle.kB} kB minified and gzipped, and nothing of other parts`, async () => {
      const { bytes, files } = await bundleSize(bundle, project);
      const foreign = files.filter((file) => bundle.not?.test(file));
      if (foreign.length > 0) return `got ${foreign}`;
      return bytes > 1000 * bundle.kB ? `got ${bytes} bytes` : "";
    });
  }
  await claim("publint has nothing to say", () => {
    const said = run("node", [join(root, "node_modules/publint/src/cli.js"), tarball.filename, "--strict"]);
    return said.includes("All good!") ? "" : said;
  });
  // Its profile esm-only leaves out node10, which knows no exports, and require() of TypeScript's node16: there is no CommonJS here.
  await claim("arethetypeswrong has nothing to say, by its profile esm-only", () => {
    const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
    run("node", [attw, tarball.filename, "--profile", "esm-only", "--no-color"]);
  });
  for (const given of process.argv.slice(2).filter((arg) => arg !== "--engine")) {
    const [, engine, command] = /^([^=]+)=(.+)$/.exec(given) ?? [];
    if (!command) throw new Error(`--engine NAME=COMMAND is expected, got ${given}`);
    await claim(`every entry is imported in ${engine}`, () => importIn(project, specifiers, engine, command));
  }
  console.log(
    `${tarball.filename}: ${tarball.files.length} files, ${tarball.size} bytes packed, ${tarball.unpackedSize} unpacked`,
  );
} finally {
  rmSync(project, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
