import Table from "cli-table3";

/** What a command says: a value for `--json`, and the same for people. */
export interface Report {
  readonly json: unknown;
  readonly text: string;
  /** Whether the command found that something is wrong. The program then ends as after an error. */
  readonly failed?: boolean;
}

/** A table as wide as the terminal allows, its last column cut to fit. */
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

/** What moves a cursor, turns the direction of text, breaks lines, shows nothing or is no text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** As JSON escapes it: its UTF-16 units. */
const escapeOf = (character: string) =>
  Array.from(
    { length: character.length },
    (_, n) => `\\u${character.charCodeAt(n).toString(16).padStart(4, "0")}`,
  ).join("");

/** Control characters made visible, so that what a caller sent cannot move the admin's cursor. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    character <= "\xff"
      ? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`
      : escapeOf(character),
  );
}

/** JSON of the same value in which control characters beyond ASCII are escaped, too. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2)
    .split("\n")
    .map((line) => line.replace(UNPRINTABLE, escapeOf))
    .join("\n");
}

/** A message of several lines, each made printable. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** Tells of long work on stderr while it is a terminal; the line is wiped by the next. */
export function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${line}`);
}
