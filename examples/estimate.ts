// What loading would take, asked before anything is downloaded.
import { estimate } from "phi-ts";

const { memory, sourceBytes, fits, largestContextSize } = await estimate("models/phi-tiny", { budget: 4_400_000 });
console.log(`${sourceBytes} bytes to read, ${memory.total} in memory`);
console.log(`weights ${memory.weights}, KV cache ${memory.kv}, scratch ${memory.scratch}`);
if (!fits) console.log(`4,400,000 bytes hold a context of ${largestContextSize} tokens`);
