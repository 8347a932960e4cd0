// The conformance suite in workerd: a request runs one suite and streams its messages as lines (test/engines/workerd.ts asks).

import { moduleBytes } from "../../src/kernels/wasm-module.ts";
import { detectFeatures } from "./features.ts";
import { type Message, remoteEngine, runSuiteAt, suiteCount } from "./remote.ts";
import strict from "./strict.wasm";

interface Environment {
  PROJECT: { fetch(url: string): Promise<Response> };
  SHARED: { fetch(url: string): Promise<Response> };
  SERVER: string;
  VERSION: string;
}

/**
 * workerd compiles no bytes while a request runs; an application imports the .wasm and gives it by option `wasm`. Most suites are not about
 * that: for them "compiling" the library's own bytes gives the module that was imported from the same bytes, and any others are refused as ever.
 */
const imported = [{ bytes: moduleBytes("strict"), module: strict }];
WebAssembly.Module = new Proxy(WebAssembly.Module, {
  construct(target, args: [Uint8Array]) {
    const same = imported.find(
      ({ bytes }) => bytes.length === args[0].length && bytes.every((b, i) => b === args[0][i]),
    );
    return same?.module ?? new target(...(args as unknown as [BufferSource]));
  },
});

export default {
  async fetch(request: Request, env: Environment): Promise<Response> {
    const lines = new TransformStream<Uint8Array, Uint8Array>();
    const writer = lines.writable.getWriter();
    const encoder = new TextEncoder();
    const send = (message: Message): void => {
      writer.write(encoder.encode(`${JSON.stringify(message)}\n`)).catch(() => {});
    };
    const get = (path: string) =>
      path.startsWith("shared/")
        ? env.SHARED.fetch(`http://files/${path.slice("shared/".length)}`)
        : env.PROJECT.fetch(`http://files/${path}`);
    const features = { ...(await detectFeatures()), files: false };
    const about = { name: "workerd", version: env.VERSION, features, server: async () => env.SERVER };
    const engine = remoteEngine(about, get, send);

    const index = new URL(request.url).pathname.slice(1);
    const work = async () => {
      if (index === "")
        send({ kind: "engine", engine: { name: "workerd", version: env.VERSION, features }, suites: suiteCount });
      else await runSuiteAt(Number(index), engine, send);
      await writer.close();
    };
    work().catch((error) => writer.abort(error));
    return new Response(lines.readable);
  },
};
