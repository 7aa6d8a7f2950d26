import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../cli/main.ts";
import { describeLocalStack } from "../../shared/stack/local-stack-file.ts";

const root = vi.hoisted(() => {
  vi.resetModules();
  return { folder: "" };
});
const describeDeployedStack = vi.hoisted(() => vi.fn());

vi.mock("../../cli/program/deployed-stack-description.ts", () => ({ describeDeployedStack }));
vi.mock("../../shared/stack/package-root.ts", async (load) => {
  root.folder = mkdtempSync(join(tmpdir(), "oauth-monitoring-root-"));
  const { packageVersion } = await load<typeof import("../../shared/stack/package-root.ts")>();
  return { packageRoot: () => root.folder, packageVersion };
});

afterAll(() => void vi.resetModules());

/** Runs a command. Returns its exit code and output. */
async function cli(...argv: string[]): Promise<{ code: number; printed: string }> {
  const code = await run(["node", "oauth-monitoring", ...argv]);
  return { code, printed: shown.join("") };
}

let shown: string[] = [];
beforeEach(() => {
  shown = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((chunk) => {
      shown.push(String(chunk));
      return true;
    });
  }
  vi.spyOn(console, "error").mockImplementation((text) => {
    shown.push(String(text));
  });
});
afterEach(() => vi.restoreAllMocks());

describe("stack that a CLI command uses", () => {
  it("is selected with --stack, and the construct in it with --construct", async () => {
    describeDeployedStack.mockRejectedValue(new Error("asked"));
    expect(await cli("stats", "--stack", "Shop", "--construct", "Other")).toMatchObject({
      code: 1,
      printed: expect.stringContaining("asked"),
    });
    expect(describeDeployedStack).toHaveBeenCalledExactlyOnceWith("Shop", "Other");
    const alone = await cli("stats", "--construct", "Other");
    expect(alone.code).toBe(2);
    expect(alone.printed).toContain("Add --stack NAME");
  });

  it.each([[[]], [["--local"]]])(
    "is never a local stack whose process was killed: %j",
    async (options) => {
      const folder = join(root.folder, ".local");
      const file = join(folder, "stack.json");
      mkdirSync(folder, { recursive: true });
      // The ID of a process that has ended.
      const { pid } = spawnSync(process.execPath, ["--version"]);
      writeFileSync(file, JSON.stringify({ pid }));
      const { code, printed } = await cli("stats", ...options);
      expect(printed).toContain("no local stack is running. Start one with npm start");
      expect(code).toBe(2);
      // The process is running, so the CLI reads the file and reports that it is incomplete.
      writeFileSync(file, JSON.stringify({ pid: process.pid }));
      expect(() => describeLocalStack()).toThrow("dynamodb_endpoint");
      rmSync(folder, { recursive: true });
    },
  );
});

it("the CLI prints the version from package.json", async () => {
  const file = join(import.meta.dirname, "../../package.json");
  const { version } = JSON.parse(readFileSync(file, "utf8"));
  expect(await cli("--version")).toEqual({ code: 0, printed: `${version}\n` });
});
