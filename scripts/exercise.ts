// Runs an exercise of the guide (docs/guide/exercises) and says which of its claims hold:
//   npm run exercise                  lists them
//   npm run exercise -- 03            what you have written in stub.ts
//   npm run exercise -- 03 --solution
import { EXERCISES } from "../docs/guide/exercises/all.ts";

const args = process.argv.slice(2);
const which = args.includes("--solution") ? "solution" : "stub";
const number = args.find((arg) => !arg.startsWith("--"));
const found = EXERCISES.find(({ folder }) => number !== undefined && folder.startsWith(number.padStart(2, "0")));

if (!found) {
  if (number !== undefined) console.error(`there is no exercise ${number}`);
  for (const { folder, title } of EXERCISES) console.log(`npm run exercise -- ${folder.slice(0, 2)}   ${title}`);
  process.exit(number === undefined ? 0 : 2);
}

const file = `docs/guide/exercises/${found.folder}/${which}.ts`;
console.log(`\nExercise ${found.folder.slice(0, 2)}: ${found.title}\n${file}\n`);
const claims = await found.run(which);
for (const { claim, wrong } of claims) {
  console.log(`  ${wrong === undefined ? "yes    " : "not yet"}  ${claim}`);
  if (wrong !== undefined) console.log(`           ${wrong}`);
}
const held = claims.filter(({ wrong }) => wrong === undefined).length;
console.log(`\n${held} of ${claims.length} hold.`);
if (held === claims.length) console.log(which === "stub" ? "Well done." : "");
else if (which === "stub") console.log(`Write ${file} and run this again; solution.ts beside it is one way to do it.`);
process.exit(held === claims.length ? 0 : 1);
