// What the first layer makes of a token, and that it looks back only:
//   npx tsx --conditions=phi-ts-source examples/tour-layer.ts
import { firstLayer } from "./one-layer.ts";

const prompt = [2044, 354, 270, 220, 16, 17, 288, 220, 18, 15, 30, 2043, 2042]; // "What is 12 + 30?" in the chat format
const x = await firstLayer("models/phi-tiny", prompt); // [13, 256]
console.log("What:", x.slice(1, [0, 6]));
console.log("   0:", x.slice(9, [0, 6]));

// The same token after fewer and before fewer others: only those before it count.
const short = await firstLayer("models/phi-tiny", prompt.slice(0, 2));
console.log("What:", short.slice(1, [0, 6]));
