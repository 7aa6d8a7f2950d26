import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readSecretsFile } from "../../local/start/secrets-file.ts";

const directory = mkdtempSync(join(tmpdir(), "secrets-file-"));
afterAll(() => rmSync(directory, { recursive: true }));

function read(text: string) {
  const file = join(directory, "secrets.json");
  writeFileSync(file, text);
  return readSecretsFile(file);
}

const ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:entra-AbCdEf";

describe("readSecretsFile", () => {
  it("returns the secrets by ARN", () => {
    expect(read(JSON.stringify({ [ARN]: "whsec_abc" })).get(ARN)).toBe("whsec_abc");
    expect(read("{}").size).toBe(0);
  });

  it.each([
    ["invalid JSON", "hunter2", /the file is not JSON/],
    [
      "a list instead of an object",
      '["hunter2"]',
      /a key is not an ARN, or a value is empty or not a string/,
    ],
    ["a key that isn't an ARN", '{"hunter2": "x"}', /a key is not an ARN/],
    [
      "a value that isn't a string",
      `{"${ARN}": {"key": "hunter2"}}`,
      /a value is empty or not a string/,
    ],
  ])("rejects a file with %s without repeating the content", (_, text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).not.toThrow(/hunter2/);
  });

  it("rejects a missing file", () => {
    expect(() => readSecretsFile(join(directory, "none.json"))).toThrow(/cannot be read/);
  });
});
