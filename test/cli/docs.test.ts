import { existsSync, readdirSync, readFileSync } from "node:fs";
import { inProject } from "../engines/disk.ts";
import { suite } from "../harness.ts";
import { phi } from "./phi.ts";

/** Blocks after `<!-- output phi … -->` in the documents; `node scripts/docs.mjs` fills them in. */
suite("docs", ({ test, assert }) => {
  const guide = existsSync(inProject("docs/guide"))
    ? readdirSync(inProject("docs/guide"))
        .filter((f) => f.endsWith(".md"))
        .map((f) => `docs/guide/${f}`)
    : [];
  for (const document of ["README.md", "ARCHITECTURE.md", "docs/models.md", ...guide].filter((f) =>
    existsSync(inProject(f)),
  )) {
    const text = readFileSync(inProject(document), "utf8");
    for (const [, command, shown] of text.matchAll(/<!-- output phi (.+?) -->\n```\w*\n([\s\S]*?)\n```/g)) {
      test(`${document} shows what "phi ${command}" prints`, async () => {
        const words = command.match(/"[^"]*"|\S+/g) ?? [];
        const { stdout } = await phi(...words.map((word) => word.replaceAll('"', "")));
        assert.equal(stdout.trimEnd(), shown);
      });
    }
  }

  test("README's two commands and package.json's scripts go together", () => {
    const readme = readFileSync(inProject("README.md"), "utf8");
    const { scripts } = JSON.parse(readFileSync(inProject("package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    for (const name of ["start", "test"]) assert.ok(readme.includes(`npm ci && npm ${name}`) && scripts[name], name);
  });
});
