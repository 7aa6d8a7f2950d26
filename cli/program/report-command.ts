import { Command } from "commander";
import {
  printable,
  printableJson,
  printableLines,
  type Report,
  table,
} from "../../shared/core/terminal.ts";
import { describeLocalStack, localStackIsThere } from "../../shared/stack/local-stack-file.ts";
import { openTarget, type Target } from "../../shared/stack/open-stack.ts";

/** Thrown if the arguments contradict each other or name something that can't be used. */
export class UsageError extends Error {}

/** Thrown if a command failed and its report already explains why. */
class ReportedError extends Error {}

interface StackOptions {
  readonly local?: boolean;
  readonly stack?: string;
  readonly construct?: string;
}

async function findTarget({ local, stack, construct }: StackOptions): Promise<Target> {
  if (local && stack !== undefined)
    throw new UsageError("--local and --stack exclude each other. Give only one");
  if (construct !== undefined && stack === undefined) {
    throw new UsageError("--construct needs --stack. Add --stack NAME");
  }
  if (stack !== undefined) {
    const { describeDeployedStack } = await import("./deployed-stack-description.ts");
    return openTarget(await describeDeployedStack(stack, construct));
  }
  if (!localStackIsThere()) {
    throw new UsageError(
      "no local stack is running. Start one with npm start, or select a deployed stack with --stack NAME",
    );
  }
  return openTarget(describeLocalStack());
}

/** A command whose action returns a report. Subcommands have the same class. */
export class ReportCommand extends Command {
  override createCommand(name?: string): ReportCommand {
    return new ReportCommand(name);
  }

  /** Adds examples to the help text, each without the program's name. */
  examples(...lines: string[]): this {
    const list = lines.map((line) => `  $ oauth-monitoring ${line}`).join("\n");
    return this.addHelpText("after", `\nExamples:\n${list}`);
  }

  /** Adds `--from` and `--to`, which `toRange` reads. */
  range(): this {
    return this.option(
      "--from <time>",
      "UTC, such as 2026-11-23T10:00:00Z; default 24 hours before --to",
    ).option("--to <time>", "UTC; default now");
  }

  /** Sets an action that needs no stack. It receives the arguments, then the options. */
  run<Given extends unknown[]>(action: (...args: Given) => Report | Promise<Report>): this {
    return this.option("--json", "print JSON").action(async (...args: unknown[]) => {
      // Commander passes the arguments, the options and the command.
      const report = await action(...(args.slice(0, -1) as Given));
      const { json } = this.opts<{ json?: boolean }>();
      console.log(json ? printableJson(report.json) : printableLines(report.text));
      if (report.failed) throw new ReportedError();
    });
  }

  /** Sets an action for the stack that the options select. It receives the stack, the arguments and the options. */
  runOnStack<Given extends unknown[]>(
    action: (target: Target, ...args: Given) => Promise<Report>,
  ): this {
    return this.option("--local", "use the local stack (default while it runs)")
      .option("--stack <name>", "use a deployed stack, with the AWS CLI's credentials")
      .option("--construct <name>", "the OAuthMonitoring construct, if the stack has several")
      .run(async (...args: Given) => action(await findTarget(this.opts()), ...args));
  }
}

/** Formats rows as a table with printable cells, or returns another text if there are no rows. */
export function tableOr(
  none: string,
  head: readonly string[],
  rows: readonly (readonly (string | number | undefined)[])[],
): string {
  if (rows.length === 0) return none;
  return table(
    head,
    rows.map((row) => row.map((cell) => printable(String(cell ?? "")))),
  );
}
