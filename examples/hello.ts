import { loadPhi } from "phi-ts";

const phi = await loadPhi("models/phi-tiny");
for await (const { text } of phi.chat("What is 12 + 30?")) process.stdout.write(text);

const { text } = await phi.generate("Once upon a time there was a", { maxTokens: 16 }).result();
console.log(`\n…${text} …`);
await phi.dispose();
