// Imports the installed package in an engine: what check-package.mjs does for each "--engine NAME=COMMAND", and others may call.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

/** Starts as root, and asks nobody for anything. */
const CHROMIUM = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-sync",
].concat("--disable-background-networking", "--disable-component-update");

/** A module that exports `report`: for each specifier its name and number of exports, one per line. */
const reporter = (specifiers) =>
  [
    ...specifiers.map((s, i) => `import * as m${i} from "${s}";`),
    `export const report = [${specifiers.map((s, i) => `"${s} " + Object.keys(m${i}).length`)}].join("\\n");\n`,
  ].join("\n");

/**
 * @param project a folder in whose node_modules the package is installed
 * @param specifiers what to import
 * @param engine "workerd", "chromium", "firefox", or any other name
 * @param command how it is started: of an engine with a command line the words before the name of a file, else the path of the binary
 * @returns what is wrong, or ""
 */
export async function importIn(project, specifiers, engine, command) {
  writeFileSync(join(project, "report.mjs"), reporter(specifiers));
  const report = await (RUN[engine] ?? onCommandLine)(project, command);
  const expected = specifiers.map((s) => new RegExp(`^${s} [1-9]`, "m"));
  return expected.every((line) => line.test(report)) ? "" : `it reports: ${report.slice(0, 600)}`;
}

function onCommandLine(project, command) {
  writeFileSync(join(project, "say.mjs"), 'import { report } from "./report.mjs";\nconsole.log(report);\n');
  const [program, ...args] = command.split(" ");
  const { stdout, stderr, error } = spawnSync(program, [...args, "say.mjs"], {
    cwd: project,
    encoding: "utf8",
    timeout: 120_000,
  });
  return error ? String(error) : stdout || stderr;
}

const RUN = { workerd: inWorkerd, chromium: inBrowser, firefox: inBrowser };

/** Engines that find no packages get one file, as a bundler makes it. */
async function bundle(project, text, conditions) {
  writeFileSync(join(project, "entry.mjs"), text);
  const outfile = join(project, "bundle.js");
  await build({
    entryPoints: [join(project, "entry.mjs")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "browser",
    conditions,
    logLevel: "error",
  });
  return outfile;
}

async function inWorkerd(project, binary) {
  const handler = "export default { fetch: () => new Response(report) };";
  await bundle(project, `import { report } from "./report.mjs";\n${handler}`, ["workerd"]);
  const worker = `(modules = [(name = "bundle.js", esModule = embed "bundle.js")], compatibilityDate = "2026-11-01")`;
  const socket = `(name = "http", address = "127.0.0.1:0", http = (), service = "main")`;
  const config = `using Workerd = import "/workerd/workerd.capnp";\nconst config :Workerd.Config = (services = [(name = "main", worker = ${worker})], sockets = [${socket}]);\n`;
  writeFileSync(join(project, "config.capnp"), config);
  const child = spawn(binary, ["serve", join(project, "config.capnp"), "--control-fd=3"], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  try {
    const port = await new Promise((resolve, reject) => {
      let [said, complaint] = ["", ""];
      child.stdio[3].on("data", (text) => {
        said += text;
        const listening = said.split("\n").find((line) => line.includes('"listen"') && line.endsWith("}"));
        if (listening) resolve(JSON.parse(listening).port);
      });
      child.stderr.on("data", (text) => {
        complaint += text;
      });
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`workerd ended with ${code}: ${complaint}`)));
    });
    return await (await fetch(`http://127.0.0.1:${port}`)).text();
  } finally {
    child.kill("SIGKILL");
  }
}

/** The page sends its report itself, so that any browser will do, and no driver is needed. */
async function inBrowser(project, binary) {
  const entry = `const send = (body) => fetch("/report", { method: "POST", body });
    import("./report.mjs").then((m) => send(m.report), (error) => send(String(error)));`;
  const script = await bundle(project, entry, []);
  const server = createServer();
  const reported = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("the page sent nothing for 60 s")), 60_000).unref();
    server.on("request", async (request, response) => {
      if (request.url === "/report") {
        let body = "";
        for await (const part of request) body += part;
        response.end();
        resolve(body);
      } else if (request.url === "/") {
        response
          .setHeader("content-type", "text/html")
          .end('<!doctype html><script type="module" src="bundle.js"></script>');
      } else {
        response
          .setHeader("content-type", "text/javascript")
          .end(request.url === "/bundle.js" ? readFileSync(script) : "");
      }
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const page = `http://127.0.0.1:${server.address().port}/`;
  const profile = mkdtempSync(join(tmpdir(), "phi-ts-browser-"));
  const args = binary.includes("firefox")
    ? ["--headless", "--no-remote", "--profile", profile, page]
    : [...CHROMIUM, `--user-data-dir=${profile}`, page];
  const child = spawn(binary, args, { detached: true, stdio: "ignore" });
  try {
    return await Promise.race([reported, new Promise((_, reject) => child.on("error", reject))]);
  } finally {
    const gone = new Promise((resolve) => child.on("exit", resolve));
    process.kill(-child.pid, "SIGKILL");
    await gone;
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
