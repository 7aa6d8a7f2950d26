import { defineConfig } from "vitest/config";

const project = (name: string, include: string[], needsStack: boolean) => ({
  extends: true as const,
  test: {
    name,
    include,
    // Files share loaded modules and synthesized stacks, because loading takes longer than most tests.
    ...(needsStack && { globalSetup: "test/set-up.ts", isolate: false }),
  },
});

/** The long runs are asked for by name: `npm run test:soak`. */
const SOAK = "test/soak/**/*.test.ts";

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores.
    maxWorkers: 2,
    // CDK only prints what this validation finds, and loading it takes four seconds.
    env: { CDK_VALIDATION: "false" },
    projects: [
      project("unit", ["test/unit/**/*.test.ts"], false),
      project(
        "stack",
        ["integration", "infra", "e2e", "browser", "differential"].map(
          (folder) => `test/${folder}/**/*.test.ts`,
        ),
        true,
      ),
      project("package", ["test/package/**/*.test.ts"], false),
      project("soak", [SOAK], true),
    ],
  },
});
