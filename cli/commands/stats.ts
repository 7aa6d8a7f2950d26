import { printable, type Report } from "../../shared/core/terminal.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { tokenUsageStats } from "../../shared/statistics/token-usage-stats.ts";
import { type RangeOptions, rangeOf } from "./range.ts";

/** `stats`: prints token statistics for a range. */
export async function stats(target: Target, options: RangeOptions): Promise<Report> {
  const { range, title } = rangeOf(target, options);
  const found = await tokenUsageStats(target, range);
  const heading = `OAuth Statistics (${title})`;
  const clients = Object.entries(found.tokens_by_client);
  const text = [
    heading,
    "=".repeat(heading.length),
    `Total tokens issued: ${found.total_tokens_issued}`,
    `Active tokens: ${found.active_tokens}`,
    `Expired tokens: ${found.expired_tokens}`,
    `Revoked tokens: ${found.revoked_tokens}`,
    "",
    "By Client:",
    ...clients.map(([client, count]) => `  ${printable(client)}: ${count}`),
  ].join("\n");
  return { json: found, text };
}
