import { defineConfig } from "vitest/config";

// The source condition makes "#platform" and "phi-ts/*" resolve to src/, so that tests run without a build.
const conditions = ["phi-ts-source", "node", "import", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", "./test/engines/reporter.ts"],
    setupFiles: ["test/engines/vitest.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    // Suites leave nothing behind that another would see: on engines without a test runner all of them share one process (test/run.ts). Here two do.
    isolate: false,
    // Node 20 has relaxed SIMD behind this flag, which the library never sets: with it the relaxed build is tested there too.
    execArgv: process.versions.node.startsWith("20.") ? ["--experimental-wasm-relaxed-simd"] : [],
  },
});
