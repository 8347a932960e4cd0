import { parseArgs } from "node:util";
import { PhiError } from "../errors.ts";

/** The command line is not as it should be; the program ends with exit code 2. */
export class UsageError extends PhiError {
  constructor(message: string) {
    super("usage", message);
  }
}

/** One option, as it is written (`--max-tokens N`) and as the help shows it. */
export interface OptionSpec {
  /** Without the dashes. */
  name: string;
  short?: string;
  /** What stands for the value in the help; without it, the option is a switch. */
  value?: string;
  /** May be given several times. */
  many?: boolean;
  help: string;
}

/** What was given, by the option's name: all values of an option in their order, [] for one that was not given. */
export interface Given {
  flag(name: string): boolean;
  text(name: string): string | undefined;
  texts(name: string): string[];
  /** @throws UsageError unless the value is a finite number */
  number(name: string): number | undefined;
  positionals: string[];
}

export interface Command {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** What follows the name in the usage line. */
  usage: string;
  /** Further lines for the command's own help. */
  details?: string;
  options: readonly OptionSpec[];
  /** Returns the exit code. */
  run(given: Given): Promise<number>;
}

export const HELP: OptionSpec = { name: "help", short: "h", help: "show this help" };
export const VERBOSE: OptionSpec = {
  name: "verbose",
  help: "show where an error comes from, and flags that V8 is given",
};

/** @throws UsageError for an option that is unknown, lacks its value or takes none */
export function parseCommandLine(args: readonly string[], specs: readonly OptionSpec[]): Given {
  const options = Object.fromEntries(
    specs.map(({ name, short, value }) => {
      return [
        name,
        { type: value ? ("string" as const) : ("boolean" as const), multiple: true, ...(short && { short }) },
      ];
    }),
  );
  // Not strict: Node's own messages say neither what is near nor where the help is.
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const spec = specs.find((s) => s.name === token.name);
    if (!spec) throw new UsageError(`unknown option ${token.rawName}${near(token.name, specs)}`);
    if (spec.value && token.value === undefined) throw new UsageError(`${token.rawName} needs a value: ${shape(spec)}`);
    if (!spec.value && token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
    const before = values.get(spec.name) ?? [];
    if (before.length > 0 && spec.value && !spec.many) throw new UsageError(`${token.rawName} is given twice`);
    values.set(spec.name, [...before, token.value ?? ""]);
  }
  const texts = (name: string) => values.get(name) ?? [];
  return {
    flag: (name) => values.has(name),
    text: (name) => texts(name)[0],
    texts,
    number(name) {
      const text = texts(name)[0];
      if (text === undefined) return undefined;
      const value = text.trim() === "" ? Number.NaN : Number(text);
      if (!Number.isFinite(value)) throw new UsageError(`--${name} needs a number, got ${JSON.stringify(text)}`);
      return value;
    },
    positionals,
  };
}

/** The only positional; undefined if there is none. @throws UsageError for two or more */
export function onlyPositional(given: Given, what: string, hint = ""): string | undefined {
  const [first, more] = given.positionals;
  if (more === undefined) return first;
  throw new UsageError(`one ${what} is expected, got a second: ${JSON.stringify(more)}${hint}`);
}

/** The text that a command works on: its only positional, or standard input for "-". @throws UsageError for two or more */
export async function textOf(given: Given, what: string): Promise<string | undefined> {
  const text = onlyPositional(given, what, " (quote a text that has spaces)");
  return text === "-" ? readStdin() : text;
}

/** All of standard input as UTF-8, without its last line break. */
export async function readStdin(): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return new TextDecoder().decode(Buffer.concat(chunks)).replace(/\r?\n$/, "");
}

const shape = (spec: OptionSpec): string => `--${spec.name}${spec.value ? ` ${spec.value}` : ""}`;

/** The help of one command, for a terminal of 80 columns. */
export function helpOf(program: string, command: Pick<Command, "usage" | "details" | "options">): string {
  const lines = [`usage: ${program}${command.usage ? ` ${command.usage}` : ""}`, ""];
  if (command.details) lines.push(...wrap(command.details, 80), "");
  const width = Math.max(...command.options.map((o) => shape(o).length));
  for (const option of command.options) {
    const name = `${option.short ? `-${option.short},` : "   "} ${shape(option).padEnd(width)}`;
    const [first, ...rest] = wrap(option.help, 80 - width - 8);
    lines.push(`  ${name}  ${first}`, ...rest.map((line) => `${" ".repeat(width + 8)}${line}`));
  }
  return `${lines.join("\n")}\n`;
}

/** The words of `text` in lines of at most `width` letters. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** `; did you mean --top-k?`, if a known name is near. */
export function near(name: string, known: readonly { name: string }[], dashes = "--"): string {
  const plain = name.toLowerCase().replaceAll(/[_-]/g, "");
  const distances = known.map((k) => ({ name: k.name, d: distance(plain, k.name.replaceAll("-", "")) }));
  distances.sort((a, b) => a.d - b.d);
  const best = distances[0];
  return best && best.d <= Math.max(plain.length > 3 ? 2 : 1, Math.floor(plain.length / 3))
    ? `; did you mean ${dashes}${best.name}?`
    : "";
}

/** Letters to insert, delete or replace to come from a to b (Levenshtein's distance). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
