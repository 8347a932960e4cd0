import { suite } from "../harness.ts";
import { DAMAGES } from "./damages.ts";
import { damageOnce } from "./run.ts";
import { readSubjects } from "./subjects.ts";

/** Of each kind of damage, for each way to hold a checkpoint; `scripts/damage.ts` runs any number. */
const TRIES = 4;

/** What reading a checkpoint twice, once for `inspect` and once for `loadPhi`, may cost: headers come more often. */
const READ_SHARE = 6;

suite("damage", async ({ test, assert, engine }) => {
  const subjects = await readSubjects(engine);

  for (const [i, subject] of subjects.entries())
    test(`${subject.name}: with every kind of damage it loads as it stands there and runs, or is refused by a PhiError of one line; inspect agrees; no more is read than ${READ_SHARE} times its bytes`, async () => {
      const results = new Map<string, number>();
      for (const [j, damage] of Object.keys(DAMAGES).entries()) {
        for (let n = 0; n < TRIES; n++) {
          const outcome = await damageOnce(subject, damage, 1 + n + TRIES * (j + 100 * i));
          if (!outcome) continue;
          assert.atMost(outcome.readShare, READ_SHARE, outcome.what);
          results.set(outcome.result, (results.get(outcome.result) ?? 0) + 1);
        }
      }
      // That it finds what to refuse, and refuses it for more than one reason.
      assert.ok(results.size > 4, JSON.stringify([...results]));
    });
});
