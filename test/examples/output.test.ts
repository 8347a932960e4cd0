import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { inProject } from "../engines/disk.ts";
import { suite } from "../harness.ts";

const run = promisify(execFile);

/** What `examples/NAME.ts` prints is committed as `examples/NAME.out`; the documents show both. */
suite("examples", ({ test, assert }) => {
  for (const file of readdirSync(inProject("examples")).filter((f) => f.endsWith(".ts"))) {
    test(`examples/${file} runs and prints what examples/${file.replace(/ts$/, "out")} says`, async () => {
      const out = inProject(`examples/${file.replace(/ts$/, "out")}`);
      assert.ok(
        existsSync(out),
        `${out} is missing: node --import tsx --conditions=phi-ts-source examples/${file} > ${out}`,
      );
      const flags = ["--import", "tsx", "--conditions=phi-ts-source"];
      const options = { cwd: inProject("."), env: { ...process.env, NO_COLOR: "1" } };
      const { stdout, stderr } = await run(process.execPath, [...flags, `examples/${file}`], options);
      assert.equal(stderr, "");
      assert.equal(stdout, readFileSync(out, "utf8"));
    });
  }
});
