// A question as the model reads it: text, tokens, ids, and back.
//   npx tsx --conditions=phi-ts-source examples/tour-tokens.ts
import { loadTokenizer, renderChat } from "phi-ts/tokenizer";

const tokenizer = await loadTokenizer("models/phi-tiny");
const names = (ids: readonly number[]) => ids.map((id) => tokenizer.tokenOf(id)).join(" ");

// The model's chat format puts markers around the question, then asks for an answer.
const { text, ids } = renderChat(tokenizer, [{ role: "user", content: "What is 12 + 30?" }]);
console.log(text);
console.log(names(ids)); // T = 13 tokens; Ġ stands for the space before a word
console.log(ids.join(" "));

// A marker that a user types is text like any other: five ordinary tokens, not the one with id 2043.
console.log(names(tokenizer.encode("<|end|>")));

// A token is a piece of the text's UTF-8 bytes. é is two of them, and here two tokens: the stream waits for the second.
const stream = tokenizer.stream();
for (const id of tokenizer.encode("café")) console.log(id, JSON.stringify(stream.push(id)));
