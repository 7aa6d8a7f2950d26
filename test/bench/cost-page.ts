import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PRICES, PRICES_DATE, PRICES_REGION } from "../../shared/cost/prices.ts";
import type { BenchmarkTable } from "./benchmark.ts";
import { toMarkdown } from "./results-page.ts";

const PAGE = fileURLToPath(new URL("../../docs/cost.md", import.meta.url));

/** Returns a pattern for the part of a page between two markers. */
const between = (name: string) =>
  new RegExp(`(<!-- ${name}: begin -->\n)[\\s\\S]*?(<!-- ${name}: end -->)`);

/** Replaces the text between two markers of a page. */
export function replaced(page: string, name: string, text: string): string {
  const markers = between(name);
  if (!markers.test(page)) throw new Error(`the page has no markers ${name}`);
  return page.replace(markers, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`);
}

/** Returns the prices as a table. */
export function priceTable(): BenchmarkTable {
  return {
    title: `List prices of ${PRICES_REGION}, looked up ${PRICES_DATE}`,
    columns: ["price", "$", "for", "unit", "confirmed", "source"],
    rows: Object.entries(PRICES).map(([name, { dollars, per, unit, confirmed, source }]) => [
      name,
      dollars,
      per.toLocaleString("en"),
      unit,
      confirmed ? "yes" : "no",
      source,
    ]),
  };
}

/** Writes the counted tables and the prices into docs/cost.md. */
export function writeCostPage(tables: readonly BenchmarkTable[]): void {
  const page = readFileSync(PAGE, "utf8");
  const counted = replaced(page, "counted", tables.map(toMarkdown).join("\n\n"));
  writeFileSync(PAGE, replaced(counted, "prices", toMarkdown(priceTable())));
}
