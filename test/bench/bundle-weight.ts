import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { BenchmarkTable } from "./benchmark.ts";
import type { DeployedBundle } from "./deployed-bundles.ts";
import { interleaved } from "./interleaved.ts";
import { median } from "./percentile.ts";

const run = promisify(execFile);

const ROUNDS = 7;
const AUTHORIZER_LIMIT_BYTES = 388 * 1024;
const EMPTY_MODULE = "data:text/javascript,export{}";

const kilobytes = (bytes: number) => (bytes / 1024).toFixed(1);

/** Imports a module in a new process. */
async function coldImport(module: string, env: Readonly<Record<string, string>>): Promise<void> {
  const script = `await import(${JSON.stringify(module)}); process.exit(0);`;
  await run(process.execPath, ["--input-type=module", "--eval", script], { env });
}

/** Measures the size and cold import time of each bundle, for functions and for adapters that an app imports. */
export async function bundleWeight(bundles: readonly DeployedBundle[]): Promise<BenchmarkTable> {
  const imports = Object.fromEntries(
    bundles.map(({ name, file, variables }) => [name, () => coldImport(file, variables)]),
  );
  const times = await interleaved(
    { ...imports, empty: () => coldImport(EMPTY_MODULE, { NODE_NO_WARNINGS: "1" }) },
    { rounds: ROUNDS, warmUp: 1 },
  );
  const empty = median(times.empty);
  const rows = bundles
    .toSorted((a, b) => b.bytes - a.bytes)
    .map(({ name, bytes, bytesOnNeed }) => {
      const importMs = median(times[name as keyof typeof times]);
      const limit = bytes <= AUTHORIZER_LIMIT_BYTES ? "met" : "missed";
      return [
        name,
        kilobytes(bytes),
        bytesOnNeed === 0 ? "–" : kilobytes(bytesOnNeed),
        name === "authorizer" ? limit : "–",
        Math.round(importMs),
        (importMs / empty).toFixed(2),
      ];
    });
  return {
    title:
      "Functions and adapters: bundle size, and start time of a process that imports the bundle",
    columns: [
      "bundle",
      "KB",
      "KB loaded on demand",
      "388 KB or less",
      "process ms",
      "ratio to an empty module",
    ],
    rows: [...rows, ["an empty module", "0.0", "–", "–", Math.round(empty), "1.00"]],
  };
}
