import { readdirSync, readFileSync } from "node:fs";
import { format } from "node:util";
import { inProject } from "../golden.ts";
import { suite } from "../harness.ts";

const GUIDE = "docs/guide/01-tour.md";

/** What the guide says that an example prints: the fenced block after `<!-- output examples/tour-tokens.ts -->`, by the example's name. */
function outputs(): Map<string, string> {
  const text = readFileSync(inProject(GUIDE), "utf8");
  const blocks = text.matchAll(/<!-- output examples\/(.+?)\.ts -->\n```\w*\n([\s\S]*?)\n```/g);
  return new Map([...blocks].map(([, name, output]) => [name, output]));
}

/** Runs an example and gives what it prints. */
async function run(name: string): Promise<string> {
  const log = console.log;
  const lines: string[] = [];
  console.log = (...values: unknown[]) => void lines.push(format(...values));
  try {
    await import(`../../examples/${name}.ts`);
  } finally {
    console.log = log;
  }
  return lines.join("\n");
}

suite("examples/tour", ({ test, assert }) => {
  const shown = outputs();

  test(`${GUIDE} shows the output of every examples/tour-*.ts`, () => {
    const files = readdirSync(inProject("examples")).filter((f) => f.startsWith("tour-"));
    assert.deepEqual([...shown.keys()].sort(), files.map((f) => f.replace(".ts", "")).sort());
  });

  for (const [name, output] of shown) {
    test(`examples/${name}.ts prints what the guide shows, to the letter`, async () => {
      assert.equal(await run(name), output);
    });
  }
});
