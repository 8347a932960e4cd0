// phi-ts beside other runtimes, on the same shapes, in turn. bench/README.md says what has to be installed.
//   npm run bench:peers -- --in node,chromium --threads 1,2 --preset phi-200m --rounds 5 --save
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PRESETS } from "../../scripts/checkpoint/presets.ts";
import { checkpointOf, MODELS } from "../end-to-end/checkpoint.ts";
import { quantile } from "../end-to-end/clock.ts";
import { withoutNoFlags } from "../flags.ts";
import { machine } from "../machine.ts";
import { type PeerRates, type Peers, save } from "../result.ts";
import { roundTrip } from "../round-trip.ts";
import { type Browser, openBrowser } from "./browser.ts";
import { type GgufFormat, writeGguf } from "./gguf.ts";
import { openNodeLlamaCpp } from "./node-llama-cpp.ts";
import { writeOnnx } from "./onnx.ts";
import type { Peer } from "./peer.ts";
import { openPhiTs } from "./phi-ts.ts";

const { values: given } = parseArgs({
  args: withoutNoFlags(process.argv.slice(2)),
  options: {
    in: { type: "string", default: "node,chromium" },
    threads: { type: "string", default: "1,2" },
    preset: { type: "string", default: "phi-200m" },
    only: { type: "string", default: "" }, // peers whose names contain this; phi-ts always runs
    prompts: { type: "string", default: "128,512" },
    tokens: { type: "string", default: "32" }, // of decoding, in each round
    rounds: { type: "string", default: "5" },
    save: { type: "boolean", default: false },
    note: { type: "string" },
  },
});
const list = (text: string) => text.split(",").filter((part) => part !== "");
const prompts = list(given.prompts).map(Number);

const checkpoint = await checkpointOf(given.preset);
function ggufOf(format: GgufFormat): string {
  const file = `${given.preset}-${format}.gguf`;
  if (!existsSync(join(MODELS, file))) writeGguf(join(MODELS, file), PRESETS[given.preset].config, format);
  return file;
}

function onnxOf(): string {
  const file = `${given.preset}.onnx`;
  if (!existsSync(join(MODELS, file))) writeOnnx(join(MODELS, file), PRESETS[given.preset].config);
  return file;
}

interface Contender {
  name: string;
  open(threads: number): Promise<Peer>;
}
const NODE: Contender[] = [
  { name: "phi-ts", open: (threads) => openPhiTs(join(MODELS, checkpoint), threads) },
  { name: "node-llama-cpp, Q4_0", open: (threads) => openNodeLlamaCpp(join(MODELS, ggufOf("Q4_0")), threads) },
  { name: "node-llama-cpp, Q4_K", open: (threads) => openNodeLlamaCpp(join(MODELS, ggufOf("Q4_K")), threads) },
];
const inChromium = (browser: Browser): Contender[] => [
  { name: "phi-ts", open: (threads) => browser.open("phi-ts", checkpoint, threads) },
  { name: "wllama, Q4_0", open: (threads) => browser.open("wllama", ggufOf("Q4_0"), threads) },
  { name: "wllama, Q4_K", open: (threads) => browser.open("wllama", ggufOf("Q4_K"), threads) },
  { name: "onnxruntime-web", open: (threads) => browser.open("onnxruntime-web", onnxOf(), threads) },
];

/**
 * Before a runtime is measured all of them rest, in milliseconds: threads of the one before look for work, and are in the way, for up to 15 after its
 * answer (wllama's and onnxruntime-web's), and browsers clean up.
 */
const REST_MS = 300;
const rest = () => new Promise((resolve) => setTimeout(resolve, REST_MS));
/** How long a runtime goes on with prompts in its turn, in milliseconds: whoever takes less for one does it again, and is not judged by what is short. */
const TURN_MS = 1000;

/**
 * Round after round each runtime does one of everything, so that what else the machine does meets all of them. What comes before
 * them is not counted: V8 compiles in the background then.
 */
async function compare(contenders: readonly Contender[], threads: number, inProcess: boolean): Promise<PeerRates[]> {
  const wanted = contenders.filter(({ name }) => name === "phi-ts" || name.includes(given.only));
  const peers: {
    name: string;
    peer: Peer;
    prompts: Map<number, number[]>;
    steps: number[];
    cpu: Record<string, number[]>;
  }[] = [];
  /** Keeps the time on processors for each token; that of a browser is not this process's. */
  const counted = async <R>(cpu: Record<string, number[]>, what: string, tokens: number, work: () => Promise<R>) => {
    const before = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(before);
    cpu[what] = [...(cpu[what] ?? []), (user + system) / 1000 / tokens];
    return result;
  };
  for (const { name, open } of wanted) {
    const peer = await open(threads);
    peers.push({ name, peer, prompts: new Map(prompts.map((T) => [T, []])), steps: [], cpu: {} });
    console.log(`${name}: ${peer.name}`);
    await peer.prompt(32);
    await peer.decode(4);
    await peer.prompt(Math.min(...prompts));
  }
  for (let round = 0; round < Number(given.rounds); round++) {
    for (const T of prompts) {
      for (const { peer, prompts, cpu } of peers) {
        await rest();
        for (let spent = 0; spent < TURN_MS; ) {
          const ms = await counted(cpu, `pp${T}`, T, () => peer.prompt(T));
          prompts.get(T)?.push(ms);
          spent += ms;
        }
      }
    }
    const n = Number(given.tokens);
    for (const { peer, steps, cpu } of peers) {
      await rest();
      steps.push(...(await counted(cpu, "decode", n, () => peer.decode(n))));
    }
  }
  for (const { name, peer, prompts } of peers) {
    await peer.close();
    for (const [T, times] of prompts) console.log(`${name}, pp${T}: ${times.map((ms) => ms.toFixed(0)).join(" ")} ms`);
  }
  return peers.map(({ name, peer, prompts, steps, cpu }) => ({
    name,
    version: peer.name,
    threads,
    prompts: Object.fromEntries([...prompts].map(([T, times]) => [T, rate((1000 * T) / quantile(times, 0.5))])),
    decode: rate(1000 / quantile(steps, 0.5)),
    ...(inProcess && {
      cpuMsPerToken: Object.fromEntries(Object.entries(cpu).map(([what, ms]) => [what, rate(quantile(ms, 0.5))])),
    }),
  }));
}
const rate = (value: number): number => Number(value.toPrecision(4));

for (const place of list(given.in)) {
  const browser = place === "chromium" ? await openBrowser(MODELS) : undefined;
  const engine = browser ? `Chromium ${browser.version}` : `Node ${process.versions.node}`;
  const contenders = browser ? inChromium(browser) : NODE;
  const rates: PeerRates[] = [];
  const roundTrips = [await roundTrip()];
  for (const threads of list(given.threads).map(Number))
    rates.push(...(await compare(contenders, threads, browser === undefined)));
  await browser?.close();
  roundTrips.push(await roundTrip());
  console.log(`\n${given.preset} in ${engine}, tokens per second`);
  console.log(
    `a word from core to core and back, before and after: ${roundTrips.map((ns) => ns ?? "?").join(" and ")} ns`,
  );
  console.table(
    rates.map(({ name, threads, prompts, decode, cpuMsPerToken }) => ({
      name,
      threads,
      ...Object.fromEntries(Object.entries(prompts).map(([T, tokens]) => [`pp${T}`, tokens])),
      decode,
      ...Object.fromEntries(Object.entries(cpuMsPerToken ?? {}).map(([what, ms]) => [`${what} CPU ms`, ms])),
    })),
  );
  if (!given.save) continue;
  const result: Peers = {
    bench: "peers",
    ...machine(engine),
    hugePages: process.env.LD_PRELOAD?.includes("huge-pages") ?? false,
    note: given.note,
    roundTrips,
    model: given.preset,
    rates,
  };
  save(`peers-${given.preset}`, result);
}
