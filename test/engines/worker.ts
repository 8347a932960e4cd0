// The conformance suite in workerd: a request runs one suite and streams its messages as lines (test/engines/workerd.ts asks).
// biome-ignore-all assist/source/organizeImports: the modules come before the suites, which look for kernels when they are imported
import "./workerd-modules.ts";
import { detectFeatures } from "./features.ts";
import { type Message, remoteEngine, runSuiteAt, suiteCount } from "./remote.ts";

interface Environment {
  PROJECT: { fetch(url: string): Promise<Response> };
  SHARED: { fetch(url: string): Promise<Response> };
  SERVER: string;
  VERSION: string;
}

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
