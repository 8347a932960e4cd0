import { chooseKernels } from "../kernels/choose.ts";
import { fitBudget } from "../load/budget.ts";
import { packedFormat } from "../load/formats.ts";
import { memoryUse } from "../load/load.ts";
import { formatOf } from "../load/plan.ts";
import { inspectModel } from "../load/plan-model.ts";
import { openCheckpoint } from "../load-phi.ts";
import { architectureOf } from "../model/architectures.ts";
import { countParameters, type WeightSpec } from "../model/weights.ts";
import { readJson } from "../source/index.ts";
import { chatFormatOf, stopTokensOf } from "../tokenizer/index.ts";
import { tokenizerIn } from "../tokenizer/load.ts";
import { type Command, wrap } from "./args.ts";
import { bytesIn, COMMON_OPTIONS, LAYOUT_OPTIONS, layoutOf, MODEL, modelOf } from "./options.ts";
import { OK } from "./program.ts";
import { bytes, count, note, write } from "./ui.ts";

/** `phi inspect`: what a checkpoint is and what it would take, from its headers alone. */
export const inspect: Command = {
  name: "inspect",
  summary: "show what a checkpoint is and the memory it takes, without loading it",
  usage: "--model DIR",
  options: [
    MODEL,
    ...LAYOUT_OPTIONS,
    {
      name: "budget",
      value: "BYTES",
      help: "say whether that much memory is enough, and for how many tokens: 4GB, 3.5GiB …",
    },
    { name: "json", help: "print everything as JSON" },
    ...COMMON_OPTIONS,
  ],
  async run(given) {
    const path = modelOf(given);
    const facts = await look(path, layoutOf(given), bytesIn(given, "budget"));
    for (const { message } of facts.notices) note(`phi: ${message}`);
    await write(given.flag("json") ? `${JSON.stringify(facts, undefined, 2)}\n` : `${page(path, facts)}\n`);
    return OK;
  },
};

type Facts = Awaited<ReturnType<typeof look>>;

async function look(path: string, layout: ReturnType<typeof layoutOf>, budget?: number) {
  const source = await openCheckpoint("phi inspect", path);
  const inspected = await inspectModel(source, layout);
  const { config, plan, files, generationConfig, sourceBytes } = inspected;
  await files.close();
  const tokenizer = await tokenizerIn(source, { generationConfig });
  const rawConfig = (await readJson(source, "config.json")) as Record<string, unknown>;
  const classes = new Map<string, { dtypes: Set<string>; formats: Set<string>; tensors: number; parameters: number }>();
  for (const spec of plan.specs) {
    const name = classOf(spec);
    const row = classes.get(name) ?? {
      dtypes: new Set(),
      formats: new Set(),
      tensors: 0,
      parameters: 0,
    };
    const info = files.tensors.get(spec.name);
    row.dtypes.add((info && packedFormat(info)) ?? info?.dtype ?? "?");
    row.formats.add(formatOf(spec, plan));
    row.tensors++;
    row.parameters += spec.rows * spec.cols;
    classes.set(name, row);
  }
  const chat = tokenizer && chatFormatOf(tokenizer);
  const { kind: kernels, notices } = chooseKernels("auto");
  return {
    architectures: rawConfig.architectures,
    models: architectureOf(config).models,
    config,
    parameters: countParameters(plan.specs),
    tensors: [...classes].map(([name, { formats, dtypes, ...row }]) => {
      return { class: name, format: [...formats].join(", "), ...row, dtypes: [...dtypes] };
    }),
    sourceBytes,
    contextSize: plan.contextSize,
    weights: plan.format,
    embedding: plan.embedding,
    activations: plan.activations,
    kv: plan.kv,
    kernels,
    notices: [...notices, ...inspected.notices],
    memory: memoryUse(plan),
    ...(budget !== undefined && { budget, ...fitBudget(plan, budget) }),
    tokenizer: tokenizer && { vocabSize: tokenizer.vocabSize, addedTokens: tokenizer.addedTokens.length },
    chatFormat: chat && { name: chat.name, from: chat.from, note: chat.note },
    stopTokens: stopTokensOf(tokenizer, generationConfig, rawConfig),
  };
}

function classOf({ vector, place, name, slot }: WeightSpec): string {
  if (vector) return name.includes("norm") ? "norms" : "biases";
  if (slot === "router") return "router";
  if (typeof place !== "number") return place === "embed" ? "embedding" : "output layer";
  return name.includes("self_attn") ? "attention" : "feed-forward";
}

function page(path: string, facts: Facts): string {
  const { config: c, memory, chatFormat, parameters } = facts;
  const { total, active } = parameters;
  const arch = Array.isArray(facts.architectures) ? ` (${facts.architectures.join(", ")})` : "";
  const window =
    c.slidingWindow > 0 && c.slidingWindow < c.contextLength ? `, window of ${c.slidingWindow} tokens` : "";
  const rope = c.longrope
    ? `LongRoPE: short factors up to ${c.longrope.originalContext} tokens, long ones above`
    : `theta ${c.ropeTheta}`;
  const tied = c.tiedEmbeddings ? ", tied: the output layer is the embedding" : "";
  const lines = [
    path,
    "",
    row("architecture", `${c.modelType}${arch}`),
    row("built for", facts.models),
    row("parameters", `${count(total)}${active < total ? `, of which a token goes through ${count(active)}` : ""}`),
    ...(c.experts ? [row("experts", `${c.experts.count} in a layer, ${c.experts.chosen} for each token`)] : []),
    row("layers", `${c.layers}, hidden ${c.hiddenSize}, feed-forward ${c.intermediateSize}`),
    row("attention", `${c.heads} heads, ${c.kvHeads} key/value heads of ${c.headDim}${window}`),
    row("positions", `rotary on ${c.rotaryDim} of ${c.headDim} dims, ${rope}`),
    row("vocabulary", `${count(c.vocabSize)}${tied}`),
    row("context", `${count(facts.contextSize)} tokens of the model's ${count(c.contextLength)}`),
    "",
    ...facts.tensors.map((t, i) => {
      const what = `${t.class.padEnd(13)} ${t.dtypes.join(", ").padEnd(5)} in the file, ${t.format.padEnd(3)} in memory`;
      return row(i === 0 ? "tensors" : "", `${what}, ${count(t.parameters)} in ${t.tensors}`);
    }),
    "",
    row("memory", `${bytes(memory.total)} with ${facts.weights} weights and ${facts.activations} activations`),
    row("  weights", `${bytes(memory.weights)} (from ${bytes(facts.sourceBytes)} of files)`),
    row("  KV cache", `${bytes(memory.kv)} in ${facts.kv}`),
    row("  scratch", bytes(memory.scratch)),
    ...memory.arenas.map((a) =>
      row(
        `  ${a.name}`,
        `${bytes(a.bytes)}: weights ${bytes(a.weights)}, KV ${bytes(a.kv)}, scratch ${bytes(a.scratch)}, layers ${a.layers}`,
      ),
    ),
    ...(facts.budget === undefined ? [] : [row("budget", budgetLine(facts, facts.budget))]),
    "",
    row(
      "tokenizer",
      facts.tokenizer
        ? `${count(facts.tokenizer.vocabSize)} ids, ${facts.tokenizer.addedTokens} added tokens`
        : "none here",
    ),
    row("chat format", chatFormat ? `${chatFormat.name}, from the ${chatFormat.from}` : "none: plain completion"),
    ...(chatFormat?.note ? [row("", chatFormat.note)] : []),
    ...facts.stopTokens.flatMap((s, i) => {
      const [first, ...rest] = wrap(s.sources.join(", "), 43);
      const head = row(i === 0 ? "stop tokens" : "", `${s.id} ${s.token ?? ""}`.padEnd(21) + first);
      return [head, ...rest.map((line) => " ".repeat(36) + line)];
    }),
  ];
  return lines.join("\n");
}

function budgetLine({ fits, largestContextSize: most = 0 }: Facts, budget: number): string {
  if (most === 0) return `${bytes(budget)} are too few, whatever the context`;
  return `${bytes(budget)} are ${fits ? "enough" : "too few"}; they hold a context of ${count(most)} tokens`;
}

const row = (name: string, value: string): string => `${name.padEnd(14)} ${value}`.trimEnd();
