// The conformance suite in a browser's page: its results go to the driver, which has opened it (test/engines/browser.ts). An isolated page first
// has a worker run it, whose thread may wait for others, as a page's own may not.
import { detectFeatures } from "./features.ts";
import { type Message, remoteEngine, runSuiteAt, suiteCount } from "./remote.ts";

const query = new URLSearchParams(location.search);
let waiting: string[] = [];
let sent = Promise.resolve();

/** Messages arrive in their order: the next ones wait while some are on their way. */
function send(message: Message): void {
  waiting.push(JSON.stringify(message));
  if (waiting.length === 1) sent = sent.then(flush);
}

async function flush(): Promise<void> {
  const body = waiting.join("\n");
  waiting = [];
  await fetch("/messages", { method: "POST", body });
}

addEventListener("error", (event) => send({ kind: "console", text: `error: ${event.message} (${event.filename})` }));
addEventListener("unhandledrejection", ({ reason }) => send({ kind: "console", text: `unhandled: ${reason}` }));
for (const level of ["error", "warn", "log"] as const) {
  const print = console[level];
  console[level] = (...args: unknown[]) => {
    print.apply(console, args);
    send({ kind: "console", text: `${level}: ${args.map(String).join(" ")}` });
  };
}

const agent = /(Firefox|Chrome)\/([\d.]+)/.exec(navigator.userAgent);
const engine = remoteEngine(
  {
    name: agent?.[1] === "Firefox" ? "firefox" : "chromium",
    version: agent?.[2] ?? navigator.userAgent,
    features: { ...(await detectFeatures()), files: false },
    server: async () => query.get("server") ?? "",
  },
  (path) => fetch(`/project/${path}`),
  send,
);

const worker = typeof document === "undefined";
if (!worker && query.has("isolated")) {
  const first = new Worker(`/suites.js${location.search}`, { type: "module" });
  await new Promise((resolve) => {
    first.onmessage = resolve;
    first.onerror = resolve;
  });
}

const { name, version, features } = engine;
send({ kind: "engine", engine: { name, version, features }, suites: suiteCount });
for (let i = 0; i < suiteCount; i++) await runSuiteAt(i, engine, send);
if (worker) {
  await sent;
  (self as unknown as { postMessage(word: string): void }).postMessage("done");
} else send({ kind: "done" });
