/**
 * phi-tiny in workerd, the runtime of Cloudflare Workers: POST a conversation, and the answer comes back while it is generated.
 * README.md beside this file tells how to run it.
 */
import config from "phi-tiny/config.json";
import generationConfig from "phi-tiny/generation_config.json";
import weights from "phi-tiny/model.safetensors";
import tokenizer from "phi-tiny/tokenizer.json";
import tokenizerConfig from "phi-tiny/tokenizer_config.json";
import { bytesSource, type ChatMessage, type LoadOptions, loadPhi, type Phi, PhiError, type Piece } from "phi-ts";
// A handler may not compile bytes; modules that the worker comes with are compiled already.
import relaxed from "phi-ts/wasm/relaxed.wasm";
import strict from "phi-ts/wasm/strict.wasm";

const FILES = {
  "config.json": config,
  "generation_config.json": generationConfig,
  "model.safetensors": weights,
  "tokenizer.json": tokenizer,
  "tokenizer_config.json": tokenizerConfig,
};

/** q8: of 5 million parameters every bit counts. With 1,024 tokens of context the model takes 13 of an isolate's 128 MB, and its files 10.6. */
const MODEL: LoadOptions = { wasm: { relaxed, strict }, weights: "q8", contextSize: 1024 };
/** Tokens of an answer, unless the request says otherwise. */
const MAX_TOKENS = 512;
/** Bytes of a request: several times what fits the context. */
const MAX_BODY = 32_768;

/** What a client sends: a message or a conversation, and any options of `phi.chat`: maxTokens, temperature, seed, stop … */
interface Ask extends Record<string, unknown> {
  messages: string | ChatMessage[];
}

interface Context {
  /** Keeps a request's work alive when its client has gone, so that it can end as it should. */
  waitUntil(work: Promise<unknown>): void;
}

export default {
  async fetch(request: Request, _env: unknown, context: Context): Promise<Response> {
    if (request.method === "GET")
      return Response.json({ ...USAGE, kernels: phi?.kernels, ...answers, busy: current !== undefined });
    if (request.method !== "POST") return refusal(405, "method", "POST a conversation");
    const ask = await read(request);
    if (ask instanceof Response) return ask;
    const response = answer(ask, request, context);
    context.waitUntil(response.catch(() => {}));
    return response;
  },
};

const USAGE = { model: "phi-tiny", usage: 'POST {"messages": "What is 12 + 30?"}' };
/** Answers of this isolate: to their end, and those whose readers left. */
const answers = { whole: 0, left: 0 };

/** Loaded by the first request, kept for all later ones of this isolate. */
let phi: Phi | undefined;

/** The request that is with the model, and when it gave its last sign of life. */
let current: { seen: number } | undefined;
const PATIENCE_MS = 10_000;

/**
 * Requests take turns. Each waits by its own timer, never for a promise of another: workerd may drop a request whose client has left in the
 * middle of what it does, and what others wait for with it. Such a one gives no sign any more, and the model is loaded anew.
 */
async function takeTurn(): Promise<{ seen: number }> {
  while (current !== undefined) {
    if (Date.now() - current.seen > PATIENCE_MS) {
      phi = undefined;
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  current = { seen: Date.now() };
  return current;
}

function endTurn(turn: { seen: number }): void {
  if (current === turn) current = undefined;
}

/** The answer as it grows: plain text, or server-sent events where they are accepted. */
async function answer(ask: Ask, request: Request, context: Context): Promise<Response> {
  const turn = await takeTurn();
  const alive = () => {
    turn.seen = Date.now();
  };
  try {
    request.signal.throwIfAborted();
    phi ??= await loadPhi(bytesSource(FILES), { ...MODEL, onProgress: alive });
    const { messages, ...options } = ask;
    const signals = { signal: request.signal, onPrefill: alive };
    const pieces = phi.chat(messages, { maxTokens: MAX_TOKENS, ...options, ...signals })[Symbol.asyncIterator]();
    // Waited for, so that a conversation too long for the context is an error with a status of its own.
    const first = await pieces.next();
    const events = request.headers.get("accept")?.includes("text/event-stream") ?? false;
    // Room for the whole answer: a slow reader costs a few kilobytes and keeps nobody waiting.
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
      {},
      { highWaterMark: MODEL.contextSize },
    );
    const written = write(first, pieces, writable.getWriter(), events, alive).finally(() => endTurn(turn));
    context.waitUntil(written);
    const type = events ? "text/event-stream" : "text/plain; charset=utf-8";
    return new Response(readable, { headers: { "content-type": type, "cache-control": "no-store" } });
  } catch (error) {
    endTurn(turn);
    if (error instanceof PhiError) return refusal(STATUS[error.code] ?? 500, error.code, error.message);
    throw error;
  }
}

/** Writes the pieces of an answer, each as it comes, until there are no more or the reader has left. */
async function write(
  first: IteratorResult<Piece>,
  pieces: AsyncIterator<Piece>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  events: boolean,
  alive: () => void,
): Promise<void> {
  const utf8 = new TextEncoder();
  try {
    for (let piece = first; !piece.done; piece = await pieces.next()) {
      alive();
      const { text } = piece.value;
      await writer.write(utf8.encode(events ? `data: ${JSON.stringify({ text })}\n\n` : text));
    }
    if (events) await writer.write(utf8.encode("event: done\ndata: {}\n\n"));
    await writer.close();
    answers.whole++;
  } catch (error) {
    // Either the generation failed, which the reader should see as a body that breaks off, or the reader has left, which the generation should see.
    answers.left++;
    await writer.abort(error).catch(() => {});
    await pieces.return?.();
  }
}

/** Codes of errors that the request is to blame for; all others are ours. */
const STATUS: Record<string, number> = { option: 400, chat: 400, context_full: 413 };

const refusal = (status: number, code: string, message: string): Response =>
  Response.json({ error: { code, message } }, { status });

async function read(request: Request): Promise<Ask | Response> {
  if (Number(request.headers.get("content-length") ?? MAX_BODY + 1) > MAX_BODY)
    return refusal(413, "body", `a request has a content-length of at most ${MAX_BODY} bytes`);
  try {
    const ask: unknown = await request.json();
    if (typeof ask === "object" && ask !== null && "messages" in ask) return ask as Ask;
  } catch {
    // said below
  }
  return refusal(400, "body", 'the body should be JSON like {"messages": "What is 12 + 30?"}');
}
