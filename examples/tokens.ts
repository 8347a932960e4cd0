// The tokenizer alone: phi-ts/tokenizer needs no weights.
import { loadTokenizer, renderChat } from "phi-ts/tokenizer";

const tokenizer = await loadTokenizer("models/phi-tiny");
const ids = tokenizer.encode("Why is the sky blue?");
console.log(ids, tokenizer.decode(ids) === "Why is the sky blue?");

// Text is only ever text: a control token that a user types stays what it is, letters.
console.log(tokenizer.encode("<|end|>").length, tokenizer.encode("<|end|>", { parseSpecialTokens: true }).length);

const chat = renderChat(tokenizer, [
  { role: "system", content: "You are a helpful AI assistant." },
  { role: "user", content: "Who are you?" },
]);
console.log(chat.text);

// Ids that arrive one by one: half a character is held back.
const stream = tokenizer.stream();
for (const id of tokenizer.encode("né 😀")) process.stdout.write(`[${stream.push(id)}]`);
console.log(`[${stream.end()}]`);
