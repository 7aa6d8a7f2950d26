import { join } from "node:path";
import { createVitest, type TestModule, type TestSpecification, type Vitest } from "vitest/node";
import type { Assembly } from "../../local/services/template.ts";

/** What the process that runs tests is started with. */
export interface RunnerOptions {
  /** The copy that is mutated. */
  readonly root: string;
  readonly dynamodbEndpoint: string;
  readonly assembly: Assembly;
  /** Whether to tell what each test reaches. */
  readonly record: boolean;
}

/** Runs tests of some files. */
export interface RunRequest {
  /** Files that are not as they were when the last tests ran. */
  readonly changed: readonly string[];
  /** Test files in the order in which to run, with the ids of their tests; all of a file without. */
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
  /** Absent where it is not one test that failed. */
  readonly id?: string;
  /** One line. */
  readonly message: string;
}

export interface RunAnswer {
  readonly failure: Failure | undefined;
  readonly tests: readonly RanTest[];
}

/** Runs files in the order in which they were asked for. */
class AsAsked {
  shard(files: TestSpecification[]) {
    return files;
  }
  sort(files: TestSpecification[]) {
    return files;
  }
}

/** The modules that ended since the last run began; vitest's own answer holds those of earlier runs, too. */
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

function failureOf(module: TestModule): Failure | undefined {
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
    failure: ended.map(failureOf).find((failure) => failure !== undefined) ?? unhandled,
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

// A process of its own, so that a test that never ends can be killed.
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
