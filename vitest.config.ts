import { defineConfig, type TestUserConfig } from "vitest/config";

const project = (name: string, include: string[], options: TestUserConfig = {}) => ({
  extends: true as const,
  test: { name, include, ...options },
});

const STACK: TestUserConfig = { globalSetup: "test/set-up.ts" };

/** Files share loaded modules, because loading takes longer than most tests. A file that mocks a module calls `vi.resetModules`. */
const SHARED: TestUserConfig = { isolate: false, setupFiles: "test/restore-globals.ts" };

const testsIn = (...folders: string[]) => folders.map((folder) => `test/${folder}/**/*.test.ts`);

/** The long runs are asked for by name: `npm run test:soak`. */
const SOAK = "test/soak/**/*.test.ts";

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores.
    maxWorkers: 2,
    // The global set-up validates the deployed template. Validating each test's template only prints warnings, and takes
    // ten times as long as the synthesis.
    env: { CDK_VALIDATION: "false" },
    projects: [
      project("unit", testsIn("unit"), SHARED),
      // Each file has its own tables, selected by an access key in the environment.
      project("stack", testsIn("integration", "differential"), STACK),
      project("stack-shared", testsIn("infra", "e2e", "browser"), { ...STACK, ...SHARED }),
      project("package", testsIn("package")),
      project("soak", [SOAK], STACK),
    ],
  },
});
