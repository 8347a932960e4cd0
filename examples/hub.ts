// Models by their names on the hub. So that this runs without the network, a server in this process stands in for the hub.
import { estimate, loadPhi } from "phi-ts";
import { serve } from "../scripts/serve.ts";

const server = await serve("models");
const seen = new Set<string>();
const token = "secret";

const chosen = {
  headers: { authorization: `Bearer ${token}` }, // for gated models; sent to the hub only, not where it redirects to
  hubUrl: "https://mirror.example", //              default: the hub's public address
  fetch: (url: string, init: RequestInit) => fetch(here(url), init), // default: the engine's own
};
const phi = await loadPhi("hf:microsoft/phi-tiny", chosen);
console.log((await phi.chat("What is 12 + 30?").result()).text);
await phi.dispose();

const { memory } = await estimate("hf:microsoft/phi-tiny@main/model.safetensors", chosen);
console.log(`${memory.total} bytes`);
for (const url of seen) console.log(url);
await server.close();

/** The file of `models` that stands in for one of the hub. */
function here(url: string): string {
  seen.add(url);
  return `${server.url}phi-tiny/${url.slice(url.lastIndexOf("/") + 1)}`;
}
