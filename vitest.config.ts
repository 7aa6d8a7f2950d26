import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/synthesize-once.ts",
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: each file may start a DynamoDB Local of its own.
    maxWorkers: 2,
  },
});
