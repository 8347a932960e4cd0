// Tables and drawings of what was measured, from bench/results. In the documents they stand between
//   <!-- figures NAME --> and <!-- end -->
//   node --conditions=phi-ts-source --import tsx scripts/figures.ts            writes them
//   node --conditions=phi-ts-source --import tsx scripts/figures.ts --check    fails if one is not what the results give
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Ladder, savedResults } from "../bench/result.ts";
import { ladderDrawing, ladderTable } from "./figures/ladder.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const check = process.argv.includes("--check");
const stale: string[] = [];

function put(file: string, text: string): void {
  const old = existsSync(root + file) ? readFileSync(root + file, "utf8") : undefined;
  if (old === text) return;
  if (check) stale.push(file);
  else {
    writeFileSync(root + file, text);
    console.log(`${file}: written`);
  }
}

/** Fills in every block of a document. */
function fill(document: string, blocks: Readonly<Record<string, string>>): void {
  const text = readFileSync(root + document, "utf8").replaceAll(
    /(<!-- figures (\S+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_all, head: string, name: string, end: string) => {
      if (blocks[name] === undefined) throw new Error(`${document}: there are no figures "${name}"`);
      return `${head}\n${blocks[name]}\n\n${end}`;
    },
  );
  put(document, text);
}

const ladders = savedResults<Ladder>("ladder");
const blocks = { ladder: ladderTable(ladders) };
const drawn = ladders.find(({ engine, hugePages }) => engine.startsWith("Node 24") && !hugePages) ?? ladders[0];
put("docs/images/ladder.svg", ladderDrawing(drawn));
for (const document of ["README.md", "bench/README.md", "docs/guide/02-one-kernel-from-loop-to-simd.md"]) {
  if (existsSync(root + document)) fill(document, blocks);
}
for (const file of stale) console.error(`${file} is not what bench/results give: npm run format`);
if (stale.length) process.exit(1);
console.log("figures: as bench/results have them");
