/**
 * Damages small checkpoints of every format in every way of test/damage, again and again, and tells what became of them:
 *
 *     nice node --import tsx --conditions=phi-ts-source scripts/damage.ts --count 10000 --seed 1
 *
 * Ends with exit code 1 where one is neither taken as it stands nor refused by a PhiError.
 */
import { parseArgs } from "node:util";
import { DAMAGES } from "../test/damage/damages.ts";
import { damageOnce } from "../test/damage/run.ts";
import { readSubjects } from "../test/damage/subjects.ts";
import { diskEngine } from "../test/engines/disk.ts";

const { values } = parseArgs({
  options: { count: { type: "string", default: "1000" }, seed: { type: "string", default: "1" } },
});
const [count, first] = [Number(values.count), Number(values.seed)];
const subjects = await readSubjects(await diskEngine({ vitest: false, note: () => {} }));
const damages = Object.keys(DAMAGES);
const results = new Map<string, number>();
const slowest = { ms: 0, what: "" };
const start = process.memoryUsage().rss;
const grown = { bytes: 0, what: "" };
let [done, most, failed] = [0, 0, 0];

for (let n = 0; done < count; n++) {
  const subject = subjects[n % subjects.length];
  const damage = damages[Math.floor(n / subjects.length) % damages.length];
  const [before, time] = [process.memoryUsage().rss, process.cpuUsage()];
  const outcome = await damageOnce(subject, damage, first * 1_000_003 + n).catch((error: Error) => error);
  if (outcome === undefined) continue;
  const { rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage(time);
  const ms = (user + system) / 1000;
  const what = outcome instanceof Error ? outcome.message : outcome.what;
  if (ms > slowest.ms) Object.assign(slowest, { ms, what });
  if (rss - before > grown.bytes) Object.assign(grown, { bytes: rss - before, what });
  most = Math.max(most, rss);
  done++;
  if (outcome instanceof Error) {
    failed++;
    console.error(`FAILED ${what}`, outcome instanceof Error && !outcome.cause ? outcome.stack : "");
  } else results.set(outcome.result, (results.get(outcome.result) ?? 0) + 1);
}

for (const [result, n] of [...results].sort(([, a], [, b]) => b - a))
  console.log(`${String(n).padStart(7)}  ${result}`);
const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
console.log(`${done} damaged checkpoints, ${failed} failed`);
console.log(`slowest: ${Math.round(slowest.ms)} ms of CPU time, ${slowest.what}`);
console.log(`memory: ${mib(start)} at the start, ${mib(most)} at most; one took ${mib(grown.bytes)}: ${grown.what}`);
process.exitCode = failed > 0 ? 1 : 0;
