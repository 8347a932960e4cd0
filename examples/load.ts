// What a model is held in, and what that takes.
import { loadPhi, PhiError } from "phi-ts";

const phi = await loadPhi("models/phi-tiny", {
  weights: "q8", //         "q4", "q8" or "f32"; the default, "auto", makes q4 of float files
  embedding: "q8", //       of embedding and output layer: "q4" or "q8"; the default, "auto", is that of the weights
  activations: "int8", //   or "f32": inputs of quantized weights
  kv: "int8", //            or "f32": keys and values; the default, "auto", is as the activations
  contextSize: 512, //      tokens; default: the model's, at most 4096
  onProgress: ({ loaded, total }) => loaded === total && console.log(`${total} bytes of files read`),
});
const { weights, kv, scratch, arenas } = phi.memory; // bytes, planned before anything was read
console.log(`weights ${weights}, KV cache ${kv}, scratch ${scratch}, in ${arenas.length} arena`);
console.log("stops at", phi.stopTokens.map(({ id, token }) => `${id} ${token}`).join(", "));
await phi.dispose();

try {
  await loadPhi("models/phi-tiny", { contextSize: 4096 });
} catch (error) {
  if (error instanceof PhiError) console.log(`${error.code}: ${error.message}`);
}
