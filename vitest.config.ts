import { defineConfig } from "vitest/config";

// The source condition makes "#platform" and "phi-ts/*" resolve to src/, so that tests run without a build.
const conditions = ["phi-ts-source", "node", "import", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    globals: true,
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
