/**
 * `phi-ts/core/text`: tokenizer and chat formats, for `loadPhi(…, { text })` of `phi-ts/core`.
 * @module
 */
import { renderChat, stopTokensOf } from "../tokenizer/index.ts";
import { tokenizerIn } from "../tokenizer/load.ts";
import type { TextPart } from "./parts.ts";

/** Text in and out: `generate` and `chat` with texts, `phi.tokenizer`, stop strings. */
export const text: TextPart = { tokenizerIn, renderChat, stopTokensOf };
