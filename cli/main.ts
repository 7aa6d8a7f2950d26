import { CommanderError } from "commander";
import * as z from "zod";
import { InvalidConfigError } from "../shared/config/monitoring-config.ts";
import { explain as explainErrors, InvalidInputError, toSentence } from "../shared/core/errors.ts";
import { printableLines } from "../shared/core/terminal.ts";
import { InvalidRangeError } from "../shared/core/time-range.ts";
import { PublishError } from "../shared/events/event-sink.ts";
import { packageVersion } from "../shared/stack/package-root.ts";
import { registerActions } from "./commands/actions.ts";
import { registerAlertRules } from "./commands/alert-rules.ts";
import { registerAlerts } from "./commands/alerts.ts";
import { registerArchive } from "./commands/archive.ts";
import { registerCleanup } from "./commands/cleanup.ts";
import { registerClients } from "./commands/clients.ts";
import { registerCost } from "./commands/cost.ts";
import { registerDeadLetters } from "./commands/dead-letters.ts";
import { registerDoctor } from "./commands/doctor.ts";
import { registerEnrichment } from "./commands/enrichment.ts";
import { registerEvents } from "./commands/events.ts";
import { registerProviders } from "./commands/providers.ts";
import { registerStats } from "./commands/stats.ts";
import { registerTokens } from "./commands/tokens.ts";
import { ReportCommand, UsageError } from "./program/report-command.ts";

/** Exit codes. */
const EXIT = { done: 0, failed: 1, badArguments: 2 } as const;

/** Builds the parser with all commands, options and help texts. docs/command-line.md is generated from it. */
export function buildProgram(): ReportCommand {
  const program = new ReportCommand("oauth-monitoring")
    .description("Manage an oauth-monitoring stack")
    .version(packageVersion(), "-V, --version", "print the version")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(printableLines(text)) })
    .exitOverride();
  registerStats(program);
  registerCleanup(program);
  registerEvents(program);
  registerClients(program);
  registerTokens(program);
  registerActions(program);
  const alerts = registerAlerts(program);
  registerAlertRules(program, alerts);
  registerCost(program);
  registerProviders(program);
  registerEnrichment(program);
  registerDeadLetters(program);
  registerDoctor(program);
  registerArchive(program);
  return program;
}

/** Returns the error message and exit code. */
function explain(error: unknown): { message: string; code: number } {
  if (error instanceof CommanderError) {
    // Commander has already printed the message. Requesting help isn't an error.
    return { message: "", code: error.exitCode === 0 ? EXIT.done : EXIT.badArguments };
  }
  if (error instanceof z.ZodError) {
    return {
      message: `a service returned unexpected data: ${explainErrors(error)}`,
      code: EXIT.failed,
    };
  }
  if (error instanceof InvalidInputError && !(error instanceof InvalidConfigError)) {
    return { message: toSentence(error.errors), code: EXIT.badArguments };
  }
  if (error instanceof InvalidRangeError || error instanceof UsageError) {
    return { message: error.message, code: EXIT.badArguments };
  }
  if (error instanceof AggregateError || (error as NodeJS.ErrnoException).code === "ECONNREFUSED") {
    return {
      message: "the stack does not respond. If it is the local stack, restart it with npm start",
      code: EXIT.failed,
    };
  }
  if (error instanceof PublishError) {
    return {
      message: `the event could not be published: ${error.message}. Run the command again`,
      code: EXIT.failed,
    };
  }
  return { message: error instanceof Error ? error.message : String(error), code: EXIT.failed };
}

/**
 * Runs one command.
 *
 * @returns exit code: 0 success, 1 the operation failed, 2 invalid arguments
 */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    await buildProgram().parseAsync([...argv]);
    return EXIT.done;
  } catch (error) {
    const { message, code } = explain(error);
    if (message) console.error(printableLines(`oauth-monitoring: ${message}`));
    return code;
  }
}
