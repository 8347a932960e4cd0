// Code in the documents is a copy of tested sources. A fenced block after one of these lines is filled from the file that it names:
//   <!-- include examples/hello.ts -->                       the whole file
//   <!-- include src/model/phi3.ts#function mlp -->          from the first line with that text to the next line that begins with "}"
//   <!-- output phi tokenize --model models/phi-tiny "Hello" -->     what the built command prints
//   node scripts/docs.mjs            fills them in
//   node scripts/docs.mjs --check    fails if a block of code is not what its file gives, a link leads nowhere, or a name is not in the file that is said to have it
// (What commands print is checked by test/cli/docs.test.ts, what examples print by test/examples, since --check runs nothing.)
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const check = process.argv.includes("--check");
const below = (folder) => readdirSync(join(root, folder), { recursive: true }).map((f) => join(folder, String(f)));
const documents = [...readdirSync(root), ...["docs", "test", "bench", "demo"].flatMap(below)].filter(
  (f) => f.endsWith(".md") && !f.includes("node_modules"),
);
const faults = [];

/** The text that an include line names. */
function source(document, name) {
  const [file, start] = name.split("#");
  if (!existsSync(join(root, file))) {
    faults.push(`${document}: includes ${file}, which is not there`);
    return undefined;
  }
  const lines = readFileSync(join(root, file), "utf8").trimEnd().split("\n");
  if (start === undefined) return `${lines.join("\n")}\n`;
  const from = lines.findIndex((line) => line.includes(start) && !/^\w/.test(line.split(start)[1])); // whole words: "unpack" is not "unpackedBytes"
  const to = lines.findIndex((line, i) => i > from && line.startsWith("}"));
  if (from < 0 || to < 0) faults.push(`${document}: ${file} has no part that begins with "${start}"`);
  return from < 0 || to < 0 ? undefined : `${lines.slice(from, to + 1).join("\n")}\n`;
}

/** What the built `phi` prints, or undefined without a build; arguments may be in double quotes. */
function output(command) {
  const words = command.match(/"[^"]*"|\S+/g).map((word) => word.replaceAll('"', ""));
  const args = [join(root, "dist/cli/main.js"), ...words];
  if (!existsSync(args[0])) {
    faults.push("what phi prints cannot be filled in before there is a build: npm run build");
    return undefined;
  }
  return `${execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" }).trimEnd()}\n`;
}

let blocks = 0;
for (const document of documents) {
  const old = readFileSync(join(root, document), "utf8");
  const text = old.replaceAll(
    /(<!-- include (.+?) -->\n```\w*\n)((?:[\s\S]*?\n)??)(```)/g,
    (_all, head, name, code, tail) => {
      blocks++;
      const wanted = source(document, name) ?? code;
      if (check && wanted !== code)
        faults.push(`${document}: the block of ${name} is not what the file has (npm run format)`);
      return head + wanted + tail;
    },
  );
  if (!check) {
    const filled = text.replaceAll(
      /(<!-- output phi (.+?) -->\n```\w*\n)((?:[\s\S]*?\n)??)(```)/g,
      (_all, head, command, code, tail) => head + (output(command) ?? code) + tail,
    );
    if (filled !== old) {
      writeFileSync(join(root, document), filled);
      console.log(`${document}: filled in`);
    }
  }
  for (const [, target] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)) {
    const path = join(root, dirname(document), target);
    if (!existsSync(path)) faults.push(`${document}: a link leads nowhere: ${relative(root, path)}`);
  }
  for (const [, path] of text.matchAll(/`((?:src|test|scripts|bench|demo|examples|models|docs)\/[\w./-]+)`/g)) {
    // Folders that runs make may be absent.
    if (!path.endsWith("/results") && !existsSync(join(root, path)))
      faults.push(`${document}: names ${path}, which is not there`);
  }
  // "`planArenas` in `src/load/plan.ts`", "`step` and `run` in `src/generate/engine.ts`", "(`planArenas`, `src/load/plan.ts`)"
  for (const [, names, path] of text.matchAll(
    /((?:`#?\w+`(?:, | and | or )?)+)(?: in |, )`((?:src|test|scripts|bench|demo|examples)\/[\w./-]+\.\w+)`/g,
  )) {
    const code = existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "";
    for (const [, name] of names.matchAll(/`(#?\w+)`/g)) {
      if (!new RegExp(`(?<![\\w#])${name}\\b`).test(code)) faults.push(`${document}: there is no ${name} in ${path}`);
    }
  }
}
for (const fault of faults) console.error(fault);
if (faults.length) process.exit(1);
console.log(
  `docs: ${documents.length} documents, ${blocks} blocks of code as their files have them, every link and path leads somewhere`,
);
