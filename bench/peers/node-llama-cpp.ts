// llama.cpp, native, by the binaries that come as npm packages: nothing is built or downloaded.
import { getLlama, LlamaLogLevel, type Token } from "node-llama-cpp";
import { type Peer, pinned } from "./peer.ts";

export async function openNodeLlamaCpp(gguf: string, threads: number): Promise<Peer> {
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath: gguf, gpuLayers: 0 });
  const context = await model.createContext({
    contextSize: 2304,
    batchSize: 512,
    threads: { ideal: threads, min: threads },
  });
  const sequence = context.getSequence();
  /** Milliseconds until each of n tokens was there. */
  async function generate(prompt: Token[], n: number): Promise<number[]> {
    await sequence.clearHistory();
    const times: number[] = [];
    let last = performance.now();
    for await (const _ of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
      const now = performance.now();
      times.push(now - last);
      last = now;
      if (times.length === n) break;
    }
    return times;
  }
  let first = 1000;
  const promptOf = (T: number) => Array.from({ length: T }, (_, i) => ((i === 0 ? first++ : i * 37) % 30000) as Token);
  return {
    name: pinned("node-llama-cpp"),
    prompt: async (T) => (await generate(promptOf(T), 1))[0],
    decode: async (n) => (await generate(promptOf(2), n + 1)).slice(1),
    close: async () => {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}
