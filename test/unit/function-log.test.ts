import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { createFunctionLog } from "../../local/start/function-log.ts";

const directory = mkdtempSync(join(tmpdir(), "function-log-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it("createFunctionLog writes every line to the file and prints only warnings and errors", async () => {
  const file = join(directory, "functions.log");
  const shown: string[] = [];
  const log = createFunctionLog(file, (line) => shown.push(line));
  const everyday = [
    'authorizer: {"level":"INFO","message":"Call decided"}',
    'authorizer: {"_aws":{"Timestamp":1},"Allowed":1}',
  ];
  const wanting = [
    'subscriber: {"level":"WARN","message":"busy"}',
    'cleanup: {"level":"ERROR","message":"failed"}',
    "stats: Error: it crashed {",
  ];
  for (const line of [...everyday, ...wanting]) log(line);
  expect(shown).toEqual(wanting);
  await vi.waitFor(async () => {
    expect((await readFile(file, "utf8")).split("\n")).toEqual([...everyday, ...wanting, ""]);
  });
});
