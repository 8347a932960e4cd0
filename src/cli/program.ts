import { OptionError, PhiError } from "../errors.ts";
import { type Command, helpOf, near, parseCommandLine, UsageError } from "./args.ts";
import { setEngineFlags } from "./engine-flags.ts";
import { leaveOnClosedPipe, note } from "./ui.ts";

/** Exit codes: 0 all went well, 1 it did not, 2 the command line is wrong, 130 it was interrupted (128 + SIGINT's number, as shells count). */
export const OK = 0;
export const FAILED = 1;
export const USAGE = 2;
export const INTERRUPTED = 130;

/** Runs one command with its arguments, and turns errors into one line on standard error and an exit code. */
export async function runCommand(program: string, command: Command, args: readonly string[]): Promise<void> {
  leaveOnClosedPipe();
  const flags = setEngineFlags();
  const verbose = args.includes("--verbose") || Boolean(process.env.DEBUG);
  if (verbose && flags.length > 0) note(`${program}: V8 runs with ${flags.join(" ")}`);
  try {
    const given = parseCommandLine(args, command.options);
    if (given.flag("help")) process.stdout.write(helpOf(program, command));
    else process.exitCode = await command.run(given);
  } catch (error) {
    process.exitCode = report(program, error, verbose);
  }
}

/** `phi chat: unknown option --modle; did you mean --model?`, and the exit code that goes with it. */
function report(program: string, error: unknown, verbose: boolean): number {
  const usage = error instanceof UsageError || error instanceof OptionError;
  const known = error instanceof PhiError;
  const message =
    error instanceof OptionError ? inWords(error.message) : error instanceof Error ? error.message : String(error);
  process.stderr.write(`${program}: ${known ? message : `an error of phi-ts itself: ${message}`}\n`);
  if (usage) process.stderr.write(`see: ${program} --help\n`);
  if (verbose && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  else if (!known) process.stderr.write("with --verbose it says where; please report it\n");
  return usage ? USAGE : FAILED;
}

/** `generate: option "topP"; got 7` → `--top-p; got 7`: the library speaks of its functions and their options, the user wrote ours. */
function inWords(message: string): string {
  return message.replace(/^(?:phi )?\w+: (?:option "(\w+)")?/, (_, name?: string) => {
    if (name === undefined) return "";
    const dashed = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return `--${name === "contextSize" ? "context" : dashed}`;
  });
}

export interface Program {
  name: string;
  summary: string;
  version: () => string;
  commands: readonly Command[];
  args: readonly string[];
}

/** The program of several commands: its help, its version, and the command that the first argument names. */
export async function runProgram({ name, summary, version, commands, args }: Program): Promise<void> {
  const [first, ...rest] = args;
  const command = commands.find((c) => c.name === first);
  if (command) return runCommand(`${name} ${command.name}`, command, rest);
  leaveOnClosedPipe();
  if (first === "--version" || first === "-v") {
    process.stdout.write(`${version()}\n`);
  } else if (first === "--help" || first === "-h" || first === "help") {
    process.stdout.write(programHelp(name, summary, commands));
  } else {
    const what = first === undefined ? "which command?" : `unknown command ${first}${near(first, commands, "")}`;
    process.stderr.write(
      `${name}: ${what}\n${first === undefined ? programHelp(name, summary, commands) : `see: ${name} --help\n`}`,
    );
    process.exitCode = USAGE;
  }
}

function programHelp(name: string, summary: string, commands: readonly Command[]): string {
  const width = Math.max(...commands.map((c) => c.name.length));
  const lines = commands.map((c) => `  ${name} ${c.name.padEnd(width)}  ${c.summary}`);
  return `${summary}\n\n${lines.join("\n")}\n\n${name} COMMAND --help shows what each takes.\n`;
}
