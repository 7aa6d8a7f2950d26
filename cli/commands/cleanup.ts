import type { Removed } from "../../shared/cleanup/cleanup-runs.ts";
import { countCleanup, runCleanup } from "../../shared/cleanup/run-cleanup.ts";
import { progress, type Report } from "../../shared/core/terminal.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import type { ReportCommand } from "../program/report-command.ts";

const lines = (title: string, removed: Removed): string =>
  [
    title,
    `  Tokens: ${removed.access_tokens}`,
    `  Codes: ${removed.authorization_codes}`,
    `  Sessions: ${removed.sessions}`,
    `  Events: ${removed.events}`,
  ].join("\n");

async function cleanup(target: Target, options: { dryRun?: boolean }): Promise<Report> {
  if (options.dryRun) {
    const would_remove = await countCleanup(target);
    const text = lines("Cleanup Results (dry run, nothing was removed):", would_remove);
    return { json: { dry_run: true, would_remove }, text };
  }
  const run = await runCleanup(target, {
    deadlineMs: Number.POSITIVE_INFINITY,
    onProgress: (removed) => {
      const total = Object.values(removed).reduce((sum, count) => sum + count, 0);
      progress(`${total} removed …`);
    },
  });
  progress("");
  return { json: run, text: lines("Cleanup Results:", run.removed) };
}

export function registerCleanup(program: ReportCommand): void {
  program
    .command("cleanup")
    .description("delete expired tokens, codes, sessions and events")
    .option("--dry-run", "count expired items without deleting them")
    .examples("cleanup --dry-run")
    .runOnStack(cleanup);
}
