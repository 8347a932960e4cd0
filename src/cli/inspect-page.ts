import { FormatError, type Inspection, type PhiError } from "../index.ts";
import type { SparseLayers } from "../model/config.ts";
import { wrap } from "./args.ts";
import { bytes, count } from "./ui.ts";

/** Columns of a terminal, and those before the facts. */
const WIDTH = 80;
const LABEL = 15;

const row = (name: string, value: string): string => `${name.padEnd(LABEL - 1)} ${value}`.trimEnd();

/** A row whose words go on below one another. */
function rows(name: string, value: string): string[] {
  return wrap(value, WIDTH - LABEL).map((line, i) => row(i === 0 ? name : "", line));
}

/** What `phi inspect` shows of a checkpoint, for a terminal of 80 columns. */
export function page(path: string, found: Inspection, budget?: number): string {
  const parts = [
    [path],
    modelRows(found),
    tensorRows(found),
    memoryRows(found, budget),
    textRows(found),
    faultRows(found),
  ];
  return parts
    .filter((part) => part.length > 0)
    .map((part) => part.join("\n"))
    .join("\n\n");
}

function modelRows({ architecture, model, config: c, parameters, container, files, ...found }: Inspection): string[] {
  const { modelType, className, models } = architecture;
  const named = model && (model.exact ? model.name : `${model.name} by its sizes, but not by context and theta`);
  const readAs = c && c.modelType !== modelType ? `, read as ${c.modelType}` : "";
  const holds = container && `${container}, ${count(files.length)} file${files.length === 1 ? "" : "s"}`;
  return [
    ...(named ? rows("model", named) : []),
    ...(modelType ? rows("architecture", `${modelType}${className ? ` (${className})` : ""}${readAs}`) : []),
    ...(models && !named ? rows("built for", models) : []),
    ...(holds ? [row("files", holds)] : []),
    ...(parameters ? rows("parameters", parametersLine(parameters)) : []),
    ...adapterRows(found),
    ...(c ? shapeRows(c, found.contextSize) : []),
  ];
}

/** LoRA adapters that were given; those that lie in the checkpoint are switched on by `--adapter @NAME`. */
function adapterRows({ adapters, includedAdapters: own }: Pick<Inspection, "adapters" | "includedAdapters">): string[] {
  const lines = adapters.map(({ name, rank, matrices, bytes: size }, i) =>
    rows(i === 0 ? "adapters" : "", `${name}: rank ${rank}, ${count(matrices)} matrices, ${bytes(size)} in memory`),
  );
  const here = own.length > 0 ? rows("included", `adapters ${own.join(", ")}, off unless asked for`) : [];
  return [...lines.flat(), ...here];
}

function parametersLine({ total, active }: NonNullable<Inspection["parameters"]>): string {
  return active < total ? `${count(total)}, of which a token goes through ${count(active)}` : count(total);
}

function shapeRows(c: NonNullable<Inspection["config"]>, contextSize: number | undefined): string[] {
  const tied = c.tiedEmbeddings ? ", tied: the output layer is the embedding" : "";
  const window = c.slidingWindow > 0 && c.slidingWindow < c.contextLength;
  const { longrope } = c;
  const rope = longrope
    ? `LongRoPE: short factors up to ${count(longrope.originalContext)} tokens of a sequence, long ones above`
    : `theta ${c.ropeTheta}`;
  const held =
    contextSize === undefined || contextSize === c.contextLength ? "" : `; memory is for ${count(contextSize)}`;
  return [
    ...(c.experts ? [row("experts", `${c.experts.count} in a layer, ${c.experts.chosen} for each token`)] : []),
    row("layers", `${c.layers}, hidden ${c.hiddenSize}, feed-forward ${c.intermediateSize}`),
    row("attention", `${c.heads} heads, ${c.kvHeads} key/value heads of ${c.headDim}`),
    ...(c.sparse ? rows("sparse", sparseLine(c.sparse, c.layers)) : []),
    ...rows("positions", `rotary on ${c.rotaryDim} of ${c.headDim} dims, ${rope}`),
    ...(window ? [row("window", `${count(c.slidingWindow)} tokens`)] : []),
    row("context", `${count(c.contextLength)} tokens${held}`),
    row("vocabulary", `${count(c.vocabSize)}${tied}`),
  ];
}

function sparseLine({ pattern, denseEvery }: SparseLayers, layers: number): string {
  const { size, local, stride, step } = pattern;
  const dense = denseEvery > 0 ? Math.floor(layers / denseEvery) : 0;
  const which = step > 0 ? ", others for each head" : "";
  return `${layers - dense} layers see blocks of ${size} keys: ${local} local, before these 1 in ${stride}${which}`;
}

/** One line for each kind of tensors: how many, how they are in the file, how in memory. */
function tensorRows({ tensors }: Inspection): string[] {
  const cells = tensors.map((t) => [
    t.class,
    count(t.tensors),
    t.file,
    bytes(t.fileBytes),
    t.memory ?? "",
    t.memoryBytes === undefined ? "" : bytes(t.memoryBytes),
    count(t.parameters),
  ]);
  const head = ["tensors", "", "in the file", "", "in memory", "", "parameters"];
  const width = (i: number) => Math.max(0, ...cells.map((cell) => cell[i].length));
  const widths = [LABEL - 3, ...[1, 2, 3, 4, 5].map(width), width(6)];
  const inMemory = cells.some((cell) => cell[4] !== "");
  const line = ([name, n, file, size, memory, held, parameters]: string[]) =>
    [
      `  ${name.padEnd(widths[0])}`,
      `${n.padStart(widths[1])} ${file.padEnd(widths[2])}`,
      `${size.padStart(widths[3])} `,
      ...(inMemory ? [`${memory.padEnd(widths[4])} ${held.padStart(widths[5])} `] : []),
      parameters.padStart(widths[6]),
    ].join(" ");
  if (cells.length === 0) return [];
  const first = widths[1] + 1 + widths[2] + 1 + widths[3];
  const second = inMemory ? widths[4] + 1 + widths[5] + 2 : 0;
  const columns = [
    head[0].padEnd(LABEL),
    head[2].padEnd(first + 2),
    ...(inMemory ? [head[4].padEnd(second)] : []),
    head[6].padStart(widths[6]),
  ];
  return [columns.join("").trimEnd(), ...cells.map(line)];
}

function memoryRows(found: Inspection, budget?: number): string[] {
  const { memory, weights, activations, kv, sourceBytes = 0 } = found;
  if (!memory) return [];
  return [
    row("memory", `${bytes(memory.total)} with ${weights} weights and ${activations} activations`),
    row("  weights", `${bytes(memory.weights)} (from ${bytes(sourceBytes)} of files)`),
    row("  KV cache", `${bytes(memory.kv)} in ${kv}`),
    row("  scratch", bytes(memory.scratch)),
    ...memory.arenas.flatMap((a) =>
      rows(
        `  ${a.name}`,
        `${bytes(a.bytes)}: weights ${bytes(a.weights)}, KV ${bytes(a.kv)}, scratch ${bytes(a.scratch)}, layers ${a.layers}`,
      ),
    ),
    ...(budget === undefined ? [] : [row("budget", budgetLine(found, budget))]),
  ];
}

function budgetLine({ fits, largestContextSize: most = 0 }: Inspection, budget: number): string {
  if (most === 0) return `${bytes(budget)} are too few, whatever the context`;
  return `${bytes(budget)} are ${fits ? "enough" : "too few"}; they hold a context of ${count(most)} tokens`;
}

function textRows({ tokenizer: t, chatFormat, stopTokens, config }: Inspection): string[] {
  if (!t && !config) return [];
  const kind = t && `${t.type} of ${t.units}, ${count(t.vocabulary)} tokens and ${count(t.addedTokens)} added ones`;
  const chat = chatFormat ? `${chatFormat.name}, from the ${chatFormat.from}` : "none: plain completion";
  return [
    ...rows("tokenizer", kind ?? "none here: token ids only"),
    ...(t ? [row("chat format", chat)] : []),
    ...(chatFormat?.note ? rows("", chatFormat.note) : []),
    ...stopTokens.flatMap((s, i) => {
      const [first, ...rest] = wrap(s.sources.join(", "), 43);
      const head = row(i === 0 ? "stop tokens" : "", `${s.id} ${s.token ?? ""}`.padEnd(21) + first);
      return [head, ...rest.map((line) => " ".repeat(36) + line)];
    }),
  ];
}

/** Every reason why it would not load; those that are alike together. */
function faultRows({ faults, moreFaults }: Inspection): string[] {
  if (faults.length === 0) return [];
  const groups = new Map<string, PhiError[]>();
  for (const fault of faults) groups.set(kindOf(fault), [...(groups.get(kindOf(fault)) ?? []), fault]);
  const lines = [...groups.values()].flatMap((alike, i) => {
    const [first, ...others] = alike;
    const names = others.slice(0, 3).map((fault) => (fault instanceof FormatError ? fault.tensor : undefined));
    const some = names.every((name) => name !== undefined) ? `: ${names.join(", ")}` : "";
    const more = others.length > 3 && some ? " …" : "";
    const also = others.length > 0 ? [`The same of ${count(others.length)} more${some}${more}`] : [];
    return [first.message, ...also].flatMap((text, n) =>
      brokenAt(text, WIDTH - 5).map((line, l) => (n + l === 0 ? `${`${i + 1}.`.padStart(4)} ` : "     ") + line),
    );
  });
  const more = moreFaults > 0 ? [`     … and ${count(moreFaults)} more`] : [];
  return [`does not load, for ${groups.size === 1 ? "this reason" : "these reasons"}:`, ...lines, ...more];
}

/** What a fault says without the tensor and the values that it says it of. */
function kindOf(fault: PhiError): string {
  const said = fault.message.replace(/^(file .*?, )?tensor .*?: /, "").replace(/; (got|expected) .*$/s, "");
  return fault instanceof FormatError && fault.tensor !== undefined ? `${fault.code} ${said}` : fault.message;
}

/** {@link wrap}, which leaves words whole: those that are longer than a line go on in the next. */
function brokenAt(text: string, width: number): string[] {
  return wrap(text, width).flatMap((line) => line.match(new RegExp(`.{1,${width}}`, "gsu")) ?? []);
}
