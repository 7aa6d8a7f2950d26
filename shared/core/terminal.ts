import Table from "cli-table3";

/** A command's output: a value for `--json`, and the same content as text. */
export interface Report {
  readonly json: unknown;
  readonly text: string;
  /** Whether the command found a problem. The program then exits with an error code. */
  readonly failed?: boolean;
}

/** Formats a table. Truncates the last column to fit the terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const plain = { top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "" };
  const chars = {
    ...plain,
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: "  ",
  };
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const room = (process.stdout.columns ?? Number.POSITIVE_INFINITY) - before;
  const last = Math.max(20, Math.min(widths.at(-1) ?? 0, room));
  const printed = new Table({
    head: [...head],
    chars,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colWidths: [...widths.slice(0, -1), last],
  });
  printed.push(...rows.map((row) => [...row]));
  return printed
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Control, formatting, line-breaking and invalid characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Escapes a character the way JSON does, one UTF-16 unit at a time. */
const toEscape = (character: string) =>
  Array.from(
    { length: character.length },
    (_, n) => `\\u${character.charCodeAt(n).toString(16).padStart(4, "0")}`,
  ).join("");

/** Makes control characters visible, so that text from API callers can't manipulate an admin's terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    character <= "\xff"
      ? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`
      : toEscape(character),
  );
}

/** Formats a value as JSON. Also escapes non-ASCII control characters. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2)
    .split("\n")
    .map((line) => line.replace(UNPRINTABLE, toEscape))
    .join("\n");
}

/** Makes each line of a message printable. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** Shows progress on stderr if stderr is a terminal. Each line replaces the previous one. */
export function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${line}`);
}

/**
 * Parses user input that is either a single JSON value or one JSON value per line.
 *
 * @param reject creates the error for a line that isn't JSON; line numbers start at 1
 */
export function jsonValues(text: string, reject: (line: number) => Error): unknown[] {
  try {
    return [JSON.parse(text) as unknown];
  } catch {
    // The text isn't a single JSON value, so each line is parsed separately.
  }
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch {
      throw reject(index + 1);
    }
  });
}
