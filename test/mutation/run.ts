import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { computeDigest } from "../../local/build/sources.ts";
import { synthesizeApp } from "../../local/build/synthesize.ts";
import { type DynamoDbLocal, startDynamoDbLocal } from "../../local/services/dynamodb-local.ts";
import { Random } from "../../local/traffic/world/random.ts";
import { findMutants, type Mutant, mutate } from "./mutants.ts";
import { findFunction, withProbes } from "./probes.ts";
import type { Failure, RanTest, RunAnswer, RunnerOptions, RunRequest } from "./test-runner.ts";

const ROOT = join(import.meta.dirname, "../..");
const MUTATED = ["shared", "adapters", "functions/authorizer"];
/** Linked instead of copied when the repository is copied. */
const LINKED = ["node_modules", "dist"];
const NOT_COPIED = [...LINKED, ".git", ".local", ".mutation", "cdk.out", "coverage"];
const FOLDER = join(ROOT, ".mutation");
const REPORT = join(FOLDER, "survivors.txt");
const RECORD = join(FOLDER, "reached.json");
/**
 * Number of mutants after which the store, which keeps the tables of every test, and the test process are restarted.
 */
const FRESH_EVERY = 40;
const BUSY = /did not establish a connection|Test timed out/;

const { values: options } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    sample: { type: "string", default: "320" },
    /** Seconds of test time per mutant, measured without a mutant. */
    budget: { type: "string", default: "25" },
    /** Runs only mutants whose `file:line` starts with this. Applied after sampling. */
    only: { type: "string", default: "" },
  },
});

type Outcome = "killed" | "survived" | "timeout" | "not reached";

interface Result {
  readonly mutant: Mutant;
  readonly outcome: Outcome;
  readonly why: string;
}

const original = (file: string) => readFileSync(join(ROOT, file), "utf8");

const sources = MUTATED.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`),
).sort();

/** Returns a random sample from all mutants. The same seed and code give the same sample. */
function drawSample(): { sample: Mutant[]; total: number } {
  const all = sources.flatMap((file) => findMutants(file, original(file)));
  const random = new Random(Number(options.seed), "mutants");
  const keyed = all.map((mutant) => ({ mutant, key: random.fraction() }));
  keyed.sort((a, b) => a.key - b.key);
  const sample = keyed.slice(0, Number(options.sample)).map(({ mutant }) => mutant);
  return { sample, total: all.length };
}

/** Copies the repository, so that mutations never change the work tree. */
function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), "oauth-mutation-"));
  for (const name of readdirSync(ROOT).filter((each) => !NOT_COPIED.includes(each))) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  for (const name of LINKED) symlinkSync(join(ROOT, name), join(copy, name));
  return copy;
}

/** The process that runs the tests, and its store. */
class Runner {
  #child: ChildProcess | undefined;
  #store: DynamoDbLocal | undefined;

  constructor(private readonly options: Omit<RunnerOptions, "dynamodbEndpoint">) {}

  async #start(): Promise<ChildProcess> {
    this.#store ??= await startDynamoDbLocal({ port: 0, sharedDb: false });
    const child = fork(join(import.meta.dirname, "test-runner.ts"), {
      cwd: this.options.root,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      // Runs in a separate process group, so that everything that a test started ends with the group.
      detached: true,
    });
    child.send({ ...this.options, dynamodbEndpoint: this.#store.endpoint });
    await once(child, "message");
    this.#child = child;
    return child;
  }

  /** @returns undefined when the tests exceeded the timeout or crashed */
  async run(request: RunRequest, timeoutMs: number): Promise<RunAnswer | undefined> {
    const child = this.#child ?? (await this.#start());
    const timeOver = new AbortController();
    const { signal } = timeOver;
    child.send(request);
    const answer = await Promise.race([
      once(child, "message", { signal }).then(([message]) => message as RunAnswer),
      once(child, "exit", { signal }).then(() => undefined),
      sleep(timeoutMs, undefined, { signal }),
    ]);
    timeOver.abort();
    if (!answer) this.#kill();
    return answer ?? undefined;
  }

  #kill(): void {
    if (this.#child?.pid && this.#child.exitCode === null)
      process.kill(-this.#child.pid, "SIGKILL");
    this.#child = undefined;
  }

  async close(): Promise<void> {
    this.#kill();
    await this.#store?.close();
    this.#store = undefined;
  }
}

type Base = Omit<RunnerOptions, "dynamodbEndpoint" | "record">;

const testFiles = ["test/unit", "test/integration"].flatMap((folder) =>
  readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
);

interface TestRecord {
  /** Digest of everything except test files. */
  readonly digest: string;
  readonly files: Readonly<Record<string, { digest: string; tests: readonly RanTest[] }>>;
}

/** Returns every test with the functions that it reaches. Records them again if files have changed. */
async function recordTests(base: Base): Promise<readonly RanTest[]> {
  const isTest = (file: string) => file.endsWith(".test.ts");
  const others = testFiles.filter((file) => !isTest(file));
  const digest = computeDigest(ROOT, [...MUTATED, ...others, "package-lock.json"]);
  const last: TestRecord | undefined = existsSync(RECORD)
    ? JSON.parse(readFileSync(RECORD, "utf8"))
    : undefined;
  const files = last?.digest === digest ? { ...last.files } : {};
  const changed = testFiles.filter(
    (file) => isTest(file) && files[file]?.digest !== computeDigest(ROOT, [file]),
  );
  if (changed.length > 0) {
    console.log(`Recording what the tests of ${changed.length} files reach`);
    const { root } = base;
    for (const file of sources) writeFileSync(join(root, file), withProbes(file, original(file)));
    const runner = new Runner({ ...base, record: true });
    const answer = await runner.run({ changed: [], tests: changed.map((file) => [file]) }, 900_000);
    await runner.close();
    for (const file of sources) writeFileSync(join(root, file), original(file));
    if (!answer || answer.failure) {
      throw new Error(`The tests fail without a mutant: ${answer?.failure?.message}`);
    }
    for (const file of changed) {
      const tests = answer.tests.filter((test) => test.file === file);
      files[file] = { digest: computeDigest(ROOT, [file]), tests };
    }
    writeFileSync(RECORD, JSON.stringify({ digest, files }));
  }
  return testFiles.flatMap((file) => files[file]?.tests ?? []);
}

function bySourceOf(tests: readonly RanTest[]): ReadonlyMap<string, readonly RanTest[]> {
  const bySource = new Map<string, RanTest[]>();
  for (const test of tests) {
    for (const source of new Set(test.reached)) {
      const some = bySource.get(source) ?? [];
      some.push(test);
      bySource.set(source, some);
    }
  }
  return bySource;
}

/** Returns the share of a test's reached functions that are in a file. The share is high for the file's own tests. */
function shareIn(file: string, { reached }: RanTest): number {
  return reached.filter((source) => source.startsWith(`${file}#`)).length / reached.length;
}

/** Chooses the tests to run within the budget. Fast tests that mostly reach the file come first. */
function choose(tests: readonly RanTest[], mutated: string) {
  const byPromise = tests
    .map((test) => ({ ...test, cost: (test.milliseconds + 5) / shareIn(mutated, test) }))
    .sort((a, b) => a.cost - b.cost);
  const files = new Map<string, string[]>();
  let milliseconds = 0;
  for (const test of byPromise) {
    milliseconds += test.milliseconds;
    if (milliseconds > Number(options.budget) * 1000 && files.size > 0) break;
    files.set(test.file, [...(files.get(test.file) ?? []), test.id]);
  }
  return { tests: [...files], milliseconds };
}

function describe({ mutant, outcome }: Result): string {
  const { file, line, start, end, replacement, operator } = mutant;
  const oneLine = (text: string) => text.replace(/\s+/g, " ").slice(0, 120);
  const was = oneLine(original(file).slice(start, end));
  return `${file}:${line} ${outcome}, ${operator}: ${was} → ${oneLine(replacement)}`;
}

function report(results: readonly Result[], total: number): string {
  const count = (outcome: Outcome) => results.filter((each) => each.outcome === outcome).length;
  const score = ((count("killed") + count("timeout")) / results.length) * 100;
  const counts = (["killed", "timeout", "survived", "not reached"] as const)
    .map((outcome) => `${count(outcome)} ${outcome}`)
    .join(", ");
  return `seed ${options.seed}: ${results.length} of ${total} mutants: ${counts}. Score: ${score.toFixed(1)}%`;
}

const { sample, total } = drawSample();
const chosen = sample.filter(({ file, line }) => `${file}:${line}`.startsWith(options.only));
const root = copyTree();
process.on("exit", () => rmSync(root, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
const base = { root, assembly: await synthesizeApp(join(root, "cdk.out")) };
mkdirSync(FOLDER, { recursive: true });
const bySource = bySourceOf(await recordTests(base));
const runner = new Runner({ ...base, record: false });
const results: Result[] = [];
/** Files restored since the last test run. */
let restored: string[] = [];

/** Tests that pass alone, and files whose tests depend on earlier tests. */
const alone = new Set<string>();
const wholeFiles = new Set<string>();

/** Whether a test passes alone without a mutant. If it doesn't, a failure with a mutant means nothing. */
async function passesAlone({ file, id }: Failure): Promise<boolean> {
  if (!id || alone.has(id) || wholeFiles.has(file)) return true;
  const answer = await runner.run({ changed: restored, tests: [[file, [id]]] }, 120_000);
  restored = [];
  if (answer && !answer.failure) alone.add(id);
  else wholeFiles.add(file);
  return alone.has(id);
}

async function tryMutant(mutant: Mutant): Promise<Result> {
  const code = original(mutant.file);
  const reaching = bySource.get(findFunction(mutant, code)) ?? [];
  if (reaching.length === 0) return { mutant, outcome: "not reached", why: "" };
  const { tests, milliseconds } = choose(reaching, mutant.file);
  writeFileSync(join(root, mutant.file), mutate(code, mutant));
  const changed = [...restored, mutant.file];
  const chosen = tests.map(([file, ids]): RunRequest["tests"][number] =>
    wholeFiles.has(file) ? [file] : [file, ids],
  );
  const timeoutMs = 30_000 + 5 * milliseconds;
  let answer = await runner.run({ changed, tests: chosen }, timeoutMs);
  // Run the test again, in case it failed because the machine was busy.
  if (answer?.failure && BUSY.test(answer.failure.message)) {
    answer = await runner.run({ changed: [], tests: chosen }, timeoutMs);
  }
  writeFileSync(join(root, mutant.file), code);
  restored = [mutant.file];
  if (!answer) return { mutant, outcome: "timeout", why: "" };
  if (!answer.failure) return { mutant, outcome: "survived", why: "" };
  if (!(await passesAlone(answer.failure))) return tryMutant(mutant);
  return { mutant, outcome: "killed", why: answer.failure.message };
}

try {
  for (const [index, mutant] of chosen.entries()) {
    if (index % FRESH_EVERY === 0) await runner.close();
    const startedMs = Date.now();
    const result = await tryMutant(mutant);
    results.push(result);
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
    console.log(`${index + 1}/${chosen.length} ${seconds} s ${describe(result)} ${result.why}`);
  }
} finally {
  await runner.close();
}
const survivors = results.filter(({ outcome }) => ["survived", "not reached"].includes(outcome));
const summary = report(results, total);
writeFileSync(REPORT, `${summary}\n\n${survivors.map(describe).sort().join("\n")}\n`);
console.log(`${summary}\nThe survivors are in .mutation/survivors.txt`);
