/** A row to export: plain values by column. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * Matches the start of text that a spreadsheet may run as a formula: `=`, `+`, `-` or `@`, including full-width
 * forms, at the start of a cell. A spreadsheet with a semicolon or tab as separator ignores the quotes, so a cell
 * also starts after a separator or line break.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
const FORMULA_START = /(^|[;\t\r\n])((?:["']|[^\S\t\r\n])*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g;

/** Quotes text as RFC 4180 requires. An apostrophe prevents spreadsheets from running text as a formula. */
function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return String(value);
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const safe = text.replace(/^(?=[\t\r\n])/, "'").replace(FORMULA_START, "$1$2'");
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Converts rows to CSV with a header line. Every column that occurs in any row is included. */
export function toCsv(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(","));
  return [columns.map(cell).join(","), ...lines, ""].join("\r\n");
}
