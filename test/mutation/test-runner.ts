import { join } from "node:path";
import { createVitest, type TestModule, type TestSpecification, type Vitest } from "vitest/node";
import type { Assembly } from "../../local/services/template.ts";

/** Options of the process that runs tests. */
export interface RunnerOptions {
  /** The copy of the repository that is mutated. */
  readonly root: string;
  readonly dynamodbEndpoint: string;
  readonly assembly: Assembly;
  /** Whether to record the functions that each test reaches. */
  readonly record: boolean;
}

/** A request to run tests from some files. */
export interface RunRequest {
  /** Files that changed since the last tests ran. */
  readonly changed: readonly string[];
  /** Test files in running order, with the IDs of the tests to run. Without IDs, all tests of the file run. */
  readonly tests: readonly (readonly [file: string, ids?: readonly string[]])[];
}

/** A test that ran. */
export interface RanTest {
  readonly id: string;
  readonly file: string;
  readonly milliseconds: number;
  readonly reached: readonly string[];
}

export interface Failure {
  readonly file: string;
  /** Absent if the failure does not belong to a single test. */
  readonly id?: string;
  /** One line. */
  readonly message: string;
}

export interface RunAnswer {
  readonly failure: Failure | undefined;
  readonly tests: readonly RanTest[];
}

/** Runs files in the requested order. */
class AsAsked {
  shard(files: TestSpecification[]) {
    return files;
  }
  sort(files: TestSpecification[]) {
    return files;
  }
}

/** Modules that ended since the last run started. Vitest's own result also includes modules from earlier runs. */
let ended: TestModule[] = [];

async function start({ root, dynamodbEndpoint, assembly, record }: RunnerOptions): Promise<Vitest> {
  return createVitest("test", {
    root,
    config: false,
    watch: false,
    include: ["test/unit/**/*.test.ts", "test/integration/**/*.test.ts"],
    provide: { dynamodbEndpoint, assembly },
    maxWorkers: 1,
    // Loading the SDK once for all files saves most of a mutant's time.
    isolate: record,
    bail: record ? 0 : 1,
    retry: record ? 2 : 0,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: [{ onTestModuleEnd: (module) => void ended.push(module) }],
    sequence: { sequencer: AsAsked as never },
    ...(record && { setupFiles: ["test/mutation/record-reached.ts"] }),
  });
}

function getFailure(module: TestModule): Failure | undefined {
  const file = module.relativeModuleId;
  for (const test of module.children.allTests()) {
    const { state, errors } = test.result();
    const message = `${test.fullName}: ${errors?.[0]?.message}`.split("\n")[0] ?? "";
    if (state === "failed") return { file, id: test.id, message };
  }
  const [error] = module.errors();
  if (module.state() !== "failed") return undefined;
  return { file, message: `${file}: ${error?.message}`.split("\n")[0] ?? "" };
}

async function run(vitest: Vitest, request: RunRequest): Promise<RunAnswer> {
  const { root } = vitest.config;
  for (const file of request.changed) vitest.invalidateFile(join(root, file));
  const specifications = request.tests.map(([file, testIds]) =>
    vitest
      .getRootProject()
      .createSpecification(join(root, file), testIds ? { testIds: [...testIds] } : undefined),
  );
  ended = [];
  const { unhandledErrors } = await vitest.runTestSpecifications(specifications);
  const [unhandled] = unhandledErrors.map((error) => ({
    file: "",
    message: String((error as Error | undefined)?.message),
  }));
  return {
    failure: ended.map(getFailure).find((failure) => failure !== undefined) ?? unhandled,
    tests: ended.flatMap((module) =>
      [...module.children.allTests()].map((test) => ({
        id: test.id,
        file: module.relativeModuleId,
        milliseconds: test.diagnostic()?.duration ?? 0,
        reached: [...(module.meta().reached ?? []), ...(test.meta().reached ?? [])],
      })),
    ),
  };
}

let vitest: Vitest | undefined;

// Runs in a separate process, so that a test that never ends can be killed.
process.on("message", async (message: RunnerOptions | RunRequest) => {
  try {
    if ("root" in message) {
      vitest = await start(message);
      process.send?.("ready");
    } else if (vitest) {
      process.send?.(await run(vitest, message));
    }
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
});
process.on("disconnect", () => process.exit());
