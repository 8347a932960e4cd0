// A conversation: turns as messages, a second call that computes only what is new, and an answer that is stopped.
import { loadPhi } from "phi-ts";

const phi = await loadPhi("models/phi-tiny");
const messages = [{ role: "user", content: "My name is Anna." }];
const first = await phi.chat(messages).result();
console.log(first.text);

messages.push({ role: "assistant", content: first.text }, { role: "user", content: "What is my name?" });
const { text, usage, finishReason } = await phi.chat(messages).result();
console.log(text);
console.log(
  `${usage.cachedTokens} of ${usage.promptTokens} tokens of the prompt were known; ended by "${finishReason}"`,
);

const controller = new AbortController();
try {
  for await (const piece of phi.chat("Tell me a short story.", { signal: controller.signal })) {
    console.log(`first piece: ${JSON.stringify(piece.text)}`);
    controller.abort(new Error("enough"));
  }
} catch (error) {
  console.log(`stopped: ${(error as Error).message}`); // the signal's own reason
}
await phi.dispose();
