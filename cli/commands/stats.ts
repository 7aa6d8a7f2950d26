import { printable, type Report } from "../../shared/core/terminal.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { tokenUsageStats } from "../../shared/statistics/token-usage-stats.ts";
import { type RangeOptions, toRange } from "../program/options.ts";
import type { ReportCommand } from "../program/report-command.ts";

async function stats(target: Target, options: RangeOptions): Promise<Report> {
  const { range, title } = toRange(target, options);
  const stats = await tokenUsageStats(target, range);
  const heading = `OAuth Statistics (${title})`;
  const clients = Object.entries(stats.tokens_by_client);
  const text = [
    heading,
    "=".repeat(heading.length),
    `Total tokens issued: ${stats.total_tokens_issued}`,
    `Active tokens: ${stats.active_tokens}`,
    `Expired tokens: ${stats.expired_tokens}`,
    `Revoked tokens: ${stats.revoked_tokens}`,
    "",
    "By Client:",
    ...clients.map(([client, count]) => `  ${printable(client)}: ${count}`),
  ].join("\n");
  return { json: stats, text };
}

export function registerStats(program: ReportCommand): void {
  program
    .command("stats")
    .description("show token statistics for a time range")
    .range()
    .examples("stats", "stats --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z --json")
    .runOnStack(stats);
}
