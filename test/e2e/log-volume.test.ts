import { describe, expect, it } from "vitest";
import { useStack } from "./stack.ts";

const scene = useStack();

/** Returns the lines that the authorizer logged while `work` ran, as CloudWatch receives them. */
async function captureLines(work: () => Promise<unknown>): Promise<string[]> {
  const { logs, settle } = scene();
  await settle();
  const before = logs.length;
  await work();
  await settle();
  const prefix = "authorizer: ";
  return logs
    .slice(before)
    .flatMap((line) => (line.startsWith(prefix) ? [line.slice(prefix.length)] : []));
}

const getByteLength = (lines: readonly string[]) =>
  lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);

const repeat = async (times: number, call: () => Promise<unknown>) => {
  for (let n = 0; n < times; n += 1) await call();
};

describe("authorizer log", () => {
  it("logs about one in a hundred allowed calls", async () => {
    const calls = 200;
    const { caller, get } = scene();
    const lines = await captureLines(() => repeat(calls, () => get("/api/x", caller)));
    const decided = lines.filter((line) => line.includes("Call decided"));
    // Two lines are expected. More than twelve occur once in ten million runs.
    expect(decided.length).toBeLessThanOrEqual(12);
    const others = lines.filter((line) => !decided.includes(line));
    // One metrics line covers several calls.
    expect(others.every((line) => line.includes('"_aws"'))).toBe(true);
  });

  it("writes at most 1.2 KB for a 401 response, including the runtime's own line, and no stack trace", async () => {
    const calls = 20;
    const { get } = scene();
    const lines = await captureLines(() => repeat(calls, () => get("/api/x", "unknown-token")));
    expect(lines.filter((line) => line.includes("Call decided"))).toHaveLength(calls);
    expect(getByteLength(lines) / calls).toBeLessThan(1200);
    expect(lines.join("\n")).not.toMatch(/\bat .*:\d+:\d+/);
  });
});
