import { readFileSync } from "node:fs";
import * as z from "zod";

const secretsSchema = z.record(z.string().startsWith("arn:"), z.string().min(1));

/**
 * Reads the local stack's secrets from a JSON object of strings by ARN.
 *
 * @throws Error when the file is missing or invalid. The message never quotes the file, which contains secrets.
 */
export function readSecretsFile(file: string): ReadonlyMap<string, string> {
  const error = (reason: string) =>
    new Error(
      `the secrets file ${file} is invalid: ${reason}. Expected {"arn:aws:secretsmanager:…": "value"}`,
    );
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw error("the file cannot be read");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw error("the file is not JSON");
  }
  const parsed = secretsSchema.safeParse(value);
  if (!parsed.success) throw error("a key is not an ARN, or a value is empty or not a string");
  return new Map(Object.entries(parsed.data));
}
