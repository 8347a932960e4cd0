/** The page: loads phi-tiny, puts questions to it, and takes another checkpoint in its place. */
import { type LoadProgress, type Source, urlSource, WorkerError } from "phi-ts";
import { describe, onCheckpoint } from "./checkpoint.ts";
import { Conversation, type Kind } from "./conversation.ts";
import { announce, byId, make } from "./dom.ts";
import { type Engine, loadEngine } from "./engine.ts";
import { showFacts } from "./facts.ts";
import {
  cancel,
  hideLoading,
  hideTrouble,
  reason,
  showLoading,
  showNotices,
  showProgress,
  showTrouble,
} from "./loading.ts";
import { clearLog, Turn } from "./log.ts";
import { PHI_TINY_FILES } from "./phi-tiny-files.ts";
import { answerOptions, onWeights, weightsWanted } from "./settings.ts";
import { plural, rate, seconds } from "./words.ts";

/** A checkpoint that can be loaded, and loaded again. */
interface Model {
  name: string;
  source: Source;
}

const PHI_TINY: Model = {
  name: "phi-tiny",
  // With its list, nothing is asked for that is not there.
  source: { ...urlSource(new URL("phi-tiny/", document.baseURI)), list: async () => PHI_TINY_FILES },
};

const SUGGESTED = "What is 12 + 30?";
const EXAMPLES: { label: string; kind: Kind; text: string }[] = [
  { label: "A sum", kind: "ask", text: "What is 25% of 80?" },
  {
    label: "A word problem",
    kind: "ask",
    text: "A train travels 60 km every hour. How many km does it travel in 4 hours?",
  },
  { label: "A fact", kind: "ask", text: "What is the capital of Japan?" },
  { label: "Some Python", kind: "ask", text: "Write a Python function that checks if a number is even." },
  { label: "A story", kind: "continue", text: "Once upon a time there was a" },
];

const question = byId("question", HTMLTextAreaElement);
const continues = byId("continue", HTMLInputElement);
const send = byId("send", HTMLButtonElement);
const stop = byId("stop", HTMLButtonElement);
const modelName = byId("model-name", HTMLElement);
const back = byId("back", HTMLButtonElement);

let model = PHI_TINY;
let engine: Engine | undefined;
let conversation: Conversation | undefined;
/** The answer, and the loading, that are under way. */
let answering: AbortController | undefined;
let loading: AbortController | undefined;
/** Settles, never rejecting, when the loading that is under way has ended. */
let loaded: Promise<void> = Promise.resolve();

// ── models ────────────────────────────────────────────────────────────────────────────────────────

function load(wanted: { name: string; source: Source | Promise<Source> }): void {
  loading?.abort();
  loading = new AbortController();
  loaded = take(wanted.name, wanted.source, loading.signal);
}

async function take(name: string, given: Source | Promise<Source>, signal: AbortSignal): Promise<void> {
  let what = `Loading ${name}`;
  showLoading(what, engine !== undefined);
  try {
    const source = await given;
    const about = source === PHI_TINY.source ? "" : await describe(source);
    if (about) what += ` (${about})`;
    const onProgress = (progress: LoadProgress) => signal.aborted || showProgress(what, progress);
    const next = await loadEngine({ name, source, weights: weightsWanted(), signal, onProgress });
    await use(next, { name, source }, signal);
  } catch (error) {
    if (signal.aborted) return;
    showTrouble(`Not loaded: ${name}`, error, engine ? `${engine.name} is still here, as it was.` : "");
  }
  if (!signal.aborted) hideLoading(stateOf(engine));
}

const stateOf = (engine: Engine | undefined): string =>
  engine ? `${engine.name} is ready, loaded in ${seconds(engine.loadMs)}` : "No model is loaded";

/** From now on this model answers. @throws TokenizerError if it has no tokenizer to talk with */
async function use(next: Engine, as: Model, signal: AbortSignal): Promise<void> {
  try {
    signal.throwIfAborted();
    next.phi.tokenizer;
  } catch (error) {
    await next.phi.dispose();
    throw error;
  }
  const old = engine;
  if (old) answering?.abort(); // a question that was asked before there was any model waits for this one
  engine = next;
  model = as;
  modelName.textContent = next.name;
  back.hidden = as.source === PHI_TINY.source;
  showNotices(next.notices);
  showFacts(next);
  if (old) begin();
  else conversation = new Conversation(next.phi);
  announce(`${next.name} is loaded.`);
  await old?.phi.dispose();
}

cancel.addEventListener("click", () => {
  loading?.abort();
  hideLoading(stateOf(engine));
  announce("Loading was cancelled.");
  question.focus();
});
onCheckpoint(load);
onWeights(() => load(model));
back.addEventListener("click", () => {
  load(PHI_TINY);
  question.focus();
});

// ── questions ─────────────────────────────────────────────────────────────────────────────────────

async function ask(kind: Kind, text: string): Promise<void> {
  if (answering) return;
  const own = new AbortController();
  answering = own;
  busy(true);
  hideTrouble();
  new Turn(kind === "ask" ? "You" : "You, to be continued", "user", text);
  const turn = new Turn(engine?.name ?? PHI_TINY.name, "model");
  turn.waiting = true;
  try {
    if (!engine) {
      turn.note("Answers as soon as the model is loaded.");
      await loaded;
    }
    if (engine && conversation) await answer(engine, conversation, kind, text, turn, own.signal);
    else turn.note("There is no model that could answer.", true);
  } catch (error) {
    turn.note(reason(error), true);
    announce(`No answer: ${reason(error)}`);
    if (error instanceof WorkerError) load(model); // its worker is gone, and the model with it
  } finally {
    turn.waiting = false;
    if (answering === own) answering = undefined;
    busy(answering !== undefined);
  }
}

async function answer(
  by: Engine,
  conversation: Conversation,
  kind: Kind,
  text: string,
  turn: Turn,
  signal: AbortSignal,
): Promise<void> {
  announce("Answering.");
  const start = performance.now();
  let told = start;
  const onText = (piece: string, tokens: number): void => {
    turn.add(piece);
    const now = performance.now();
    if (now - told < 250) return;
    told = now;
    turn.note(`${plural(tokens, "token")}, ${rate(tokens, now - start)}`);
  };
  const {
    text: whole,
    tokens,
    end,
    result,
  } = await conversation.answer(kind, text, answerOptions(), {
    onText,
    signal,
  });
  const speed = result ? rate(tokens, result.timings.decodeMs) : rate(tokens, performance.now() - start);
  const full = result && result.usage.promptTokens + tokens >= by.phi.contextSize;
  const length = full ? ", and the context is full: begin a new conversation" : ", ended by the limit that is set";
  turn.note(`${plural(tokens, "token")}, ${speed}${{ stop: "", length, stopped: ", stopped" }[end]}`);
  announce(`${by.name}: ${whole || "no text"}${end === "stopped" ? ". Stopped." : ""}`);
  if (result && by === engine) showFacts(by, result);
}

function busy(on: boolean): void {
  const hadFocus = document.activeElement === stop;
  stop.hidden = !on;
  send.setAttribute("aria-disabled", String(on));
  if (!on && hadFocus) question.focus();
}

/** A new conversation, with the model that is there. */
function begin(): void {
  answering?.abort();
  conversation = engine && new Conversation(engine.phi);
  clearLog();
}

function submit(): void {
  const text = question.value;
  if (answering || text.trim() === "") return;
  question.value = "";
  void ask(continues.checked ? "continue" : "ask", text);
}

byId("ask", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") answering?.abort();
});
stop.addEventListener("click", () => answering?.abort());
byId("new", HTMLButtonElement).addEventListener("click", () => {
  begin();
  announce("A new conversation.");
  question.focus();
});
for (const { label, kind, text } of EXAMPLES) {
  const button = make("button", "", label);
  button.type = "button";
  button.title = text;
  button.addEventListener("click", () => void ask(kind, text));
  byId("examples", HTMLElement).append(button);
}

continues.addEventListener("change", () => {
  byId("question-label", HTMLElement).textContent = continues.checked ? "Your text" : "Your question";
  send.textContent = continues.checked ? "Continue" : "Ask";
});

question.value = SUGGESTED;
load(PHI_TINY);
