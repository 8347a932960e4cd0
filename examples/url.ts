// A checkpoint on a web server. Files are read by Range requests, a few ahead of their use; what is not needed is not fetched.
import { loadPhi, urlSource } from "phi-ts";
import { loadTokenizer } from "phi-ts/tokenizer";
import { serve } from "../scripts/serve.ts";

const server = await serve("models"); // any server of files will do
const phi = await loadPhi(`${server.url}phi-tiny/`, {
  signal: AbortSignal.timeout(60_000), // cancels what is on its way
  onProgress: ({ loaded, total }) => loaded === total && console.log(`${total} bytes were fetched`),
});
console.log((await phi.chat("What is 12 + 30?").result()).text);
await phi.dispose();

// Headers go to this server, and to no other that it redirects to.
const source = urlSource(`${server.url}phi-tiny/`, { headers: { authorization: "Bearer secret" } });
console.log((await loadTokenizer(source)).encode("What is 12 + 30?").join(" "));

try {
  await loadPhi(`${server.url}nothing/`);
} catch (error) {
  console.log(String(error).replace(server.url, "http://…/"));
}
await server.close();
