import type { InferenceSession, Tensor } from "onnxruntime-web";
import { freshIds, offer } from "./page.ts";

/** The package's own module, since it finds its WASM beside it. */
const FOLDER = "/node_modules/onnxruntime-web/dist/";

offer(async ({ url, threads }) => {
  const ort = (await import(`${FOLDER}ort.wasm.min.mjs`)) as typeof import("onnxruntime-web");
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL(FOLDER, location.href).href;
  const session = await ort.InferenceSession.create(url, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
  });
  const layers = session.inputNames.filter((name) => name.endsWith(".key")).length;
  const { kvHeads, headDim } = await (await fetch(url.replace(/\.onnx$/, ".json"))).json();

  let past: Record<string, Tensor> = {};
  let length = 0;
  const clear = () => {
    const empty = () => new ort.Tensor("float32", new Float32Array(0), [1, kvHeads, 0, headDim]);
    past = {};
    for (let i = 0; i < layers; i++) for (const kv of ["key", "value"]) past[`past.${i}.${kv}`] = empty();
    length = 0;
  };
  const forward = async (ids: readonly number[]) => {
    length += ids.length;
    const feeds: InferenceSession.FeedsType = {
      ...past,
      input_ids: new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
      seqlens_k: new ort.Tensor("int32", Int32Array.of(length - 1), [1]),
      total_sequence_length: new ort.Tensor("int32", Int32Array.of(length), []),
    };
    const start = performance.now();
    const out = await session.run(feeds);
    const ms = performance.now() - start;
    if (!Number.isFinite((out.logits.data as Float32Array)[0])) throw new Error("onnxruntime-web: no logits");
    for (const name of Object.keys(past)) past[name] = out[name.replace("past", "present")] as Tensor;
    return ms;
  };
  return {
    name: `onnxruntime-web ${ort.env.versions.web}`,
    async prompt(T) {
      clear();
      return forward(freshIds(T));
    },
    async decode(n) {
      clear();
      await forward(freshIds(2));
      const times: number[] = [];
      for (const id of freshIds(n)) times.push(await forward([id]));
      return times;
    },
  };
});
