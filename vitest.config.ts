import { defineConfig, type TestUserConfig } from "vitest/config";

const project = (name: string, include: string[], options: TestUserConfig = {}) => ({
  extends: true as const,
  test: { name, include, ...options },
});

const STACK: TestUserConfig = { globalSetup: "test/set-up.ts" };

/** The long runs are asked for by name: `npm run test:soak`. */
const SOAK = "test/soak/**/*.test.ts";

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The global set-up validates the deployed template. Validating each test's template only prints warnings, and takes
    // ten times as long as the synthesis.
    env: { CDK_VALIDATION: "false" },
    // Two cores.
    maxWorkers: 2,
    projects: [
      // Files share loaded modules, because loading takes longer than most tests. A file that mocks a module calls
      // `vi.resetModules`.
      project("unit", ["test/unit/**/*.test.ts"], {
        isolate: false,
        setupFiles: "test/restore-globals.ts",
      }),
      project(
        "stack",
        ["integration", "infra", "e2e", "browser", "differential"].map(
          (folder) => `test/${folder}/**/*.test.ts`,
        ),
        STACK,
      ),
      project("package", ["test/package/**/*.test.ts"]),
      project("soak", [SOAK], STACK),
    ],
  },
});
