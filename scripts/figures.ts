// Tables and drawings of what was measured, from bench/results, and drawings of the guide. In the documents they stand between
//   <!-- figures NAME --> and <!-- end -->
//   node --conditions=phi-ts-source --import tsx scripts/figures.ts            writes them
//   node --conditions=phi-ts-source --import tsx scripts/figures.ts --check    fails if one is not what the results give
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type EndToEnd, type Ladder, type Peers, savedResults } from "../bench/result.ts";
import { blocksparse, dials, windowDrawing } from "./figures/guide.ts";
import { ladderDrawing, ladderTable } from "./figures/ladder.ts";
import { peersDrawing, peersTable } from "./figures/peers.ts";
import { readmePeers, readmeTable } from "./figures/readme.ts";
import { speedDrawing, speedTable } from "./figures/speed.ts";
import { engineOf } from "./figures/table.ts";

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
const models = savedResults<EndToEnd>("end-to-end");
const peers = savedResults<Peers>("peers");
const of = (name: string) => models.filter(({ model }) => model.name === name);
const blocks: Record<string, string> = { ladder: ladderTable(ladders), peers: peersTable(peers) };
blocks.readme = `${readmeTable(models)}\n\n${readmePeers(peers)}`;
for (const name of new Set(models.map(({ model }) => model.name))) {
  blocks[name] = speedTable(of(name));
  put(`docs/images/speed-${name}.svg`, speedDrawing(name, of(name)));
}
const drawn = ladders.find((result) => engineOf(result) === "Node 24") ?? ladders[0];
put("docs/images/ladder.svg", ladderDrawing(drawn));
if (peers.length) put("docs/images/peers.svg", peersDrawing(peers));
put("docs/images/rope.svg", dials());
put("docs/images/window.svg", windowDrawing());
put("docs/images/blocksparse.svg", blocksparse());
for (const document of ["README.md", "docs/speed.md", "docs/guide/02-one-kernel-from-loop-to-simd.md"]) {
  if (existsSync(root + document)) fill(document, blocks);
}
for (const file of stale) console.error(`${file} is not what bench/results give: npm run format`);
if (stale.length) process.exit(1);
console.log("figures: as bench/results have them");
