import { createInterface } from "node:readline";

/** The lines that a user types, one after the other. */
export interface Lines {
  /** The next one; undefined when no more come. */
  next(prompt: string): Promise<string | undefined>;
  /** Leaves out those that were pasted and not asked for yet. */
  forget(): void;
}

type Input = NodeJS.ReadableStream & { isTTY?: boolean };

/**
 * On a terminal each line is asked for by a prompt, with the cursor keys and earlier lines at hand; no more come after Ctrl-D, or Ctrl-C on the
 * prompt. Elsewhere the lines of standard input.
 */
export function lines(input: Input = process.stdin, output: NodeJS.WritableStream = process.stderr): Lines {
  return input.isTTY ? typed(input, output) : piped(input);
}

function typed(input: Input, output: NodeJS.WritableStream): Lines {
  let history: string[] = [];
  let pasted: string[] = [];
  let begun = ""; // what was pasted behind the last line break
  return {
    async next(prompt) {
      const ready = pasted.shift();
      if (ready !== undefined) {
        output.write(`${prompt}${ready}\n`);
        return ready;
      }
      // One interface per line: while an answer runs, the terminal is in its usual state and Ctrl-C is a signal.
      const rl = createInterface({ input, output, history, prompt, terminal: true });
      rl.on("history", (entries) => {
        history = entries;
      });
      return new Promise((resolve) => {
        let first = true;
        rl.on("SIGINT", () => rl.close());
        rl.on("close", () => resolve(undefined));
        rl.on("line", (line) => {
          if (!first) return void pasted.push(line);
          first = false;
          resolve(line);
          // The other lines of a paste come in the same turn of the event loop.
          queueMicrotask(() => {
            begun = rl.line;
            if (begun !== "") output.write("\r\x1b[K");
            rl.close();
          });
        });
        rl.prompt();
        rl.write(begun);
        begun = "";
      });
    },
    forget() {
      pasted = [];
      begun = "";
    },
  };
}

function piped(input: Input): Lines {
  const all = createInterface({ input })[Symbol.asyncIterator]();
  return {
    async next() {
      const { value, done } = await all.next();
      return done ? undefined : value;
    },
    forget() {},
  };
}
