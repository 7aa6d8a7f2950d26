import { Command, CommanderError } from "commander";
import * as z from "zod";
import { InvalidConfigError } from "../shared/config/monitoring-config.ts";
import { systemClock } from "../shared/core/clock.ts";
import { explain as explainFaults, InvalidInputError, sentenceOf } from "../shared/core/errors.ts";
import { printableJson, printableLines, type Report } from "../shared/core/terminal.ts";
import { InvalidRangeError } from "../shared/core/time-range.ts";
import { PublishError } from "../shared/events/event-sink.ts";
import { describeLocalStack, localStackIsThere } from "../shared/stack/local-stack-file.ts";
import { openTarget, type Target } from "../shared/stack/open-stack.ts";
import { packageVersion } from "../shared/stack/package-root.ts";
import {
  actionsApprove,
  actionsList,
  actionsReject,
  block,
  release,
  revoke,
  TARGET_KINDS,
} from "./commands/actions.ts";
import { alertsTry, anomaliesSuggest } from "./commands/alert-rules.ts";
import {
  alertsAcknowledge,
  alertsFigures,
  alertsList,
  alertsMute,
  alertsMutes,
  alertsNote,
  alertsRules,
  alertsUnmute,
  alertsVerdict,
} from "./commands/alerts.ts";
import { archiveReplay } from "./commands/archive.ts";
import { cleanup } from "./commands/cleanup.ts";
import { clientsAdd, clientsList } from "./commands/clients.ts";
import { cost } from "./commands/cost.ts";
import { deadLettersList, deadLettersRedrive } from "./commands/dead-letters.ts";
import { doctor } from "./commands/doctor.ts";
import { events, securityReport } from "./commands/events.ts";
import { originsLook, originsPut } from "./commands/origins.ts";
import { providersTry, type TryOptions, UnusableInputError } from "./commands/providers.ts";
import { sessionsList } from "./commands/sessions.ts";
import { stats } from "./commands/stats.ts";
import { tokensIssue, tokensList, tokensRevoke } from "./commands/tokens.ts";

/** Exit codes. */
const EXIT = { done: 0, failed: 1, badArguments: 2 } as const;

interface GlobalOptions {
  readonly local?: boolean;
  readonly stack?: string;
  readonly construct?: string;
  readonly json?: boolean;
}

/** Help texts of the options that select a target. */
const TARGET_HELP = {
  token: "the public id of a token",
  user: "a user",
  client: "a client",
  session: "the public id of a session",
  address: "IPv4 or IPv6 address",
  network: "a network, such as 203.0.113.0/24",
} as const;

/** Thrown if the arguments contradict each other. */
class UsageError extends Error {}

/** Thrown if a command failed and its report already explains why. */
class ReportedError extends Error {}

async function findTarget({ local, stack, construct }: GlobalOptions): Promise<Target> {
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

type Action<Arguments extends unknown[]> = (target: Target, ...rest: Arguments) => Promise<Report>;

function print(report: Report, { json }: Pick<GlobalOptions, "json">): void {
  console.log(json ? printableJson(report.json) : printableLines(report.text));
}

/** Builds the parser with all commands, options and help texts. docs/command-line.md is generated from it. */
export function buildProgram(): Command {
  const program = new Command("oauth-monitoring")
    .description("Manage an oauth-monitoring stack")
    .version(packageVersion(), "-V, --version", "print the version")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(printableLines(text)) })
    .exitOverride();

  const targeted = (command: Command): Command =>
    command
      .option("--local", "use the local stack (default while it runs)")
      .option("--stack <name>", "use a deployed stack, with the AWS CLI's credentials")
      .option("--construct <name>", "the OAuthMonitoring construct, if the stack has several")
      .option("--json", "print JSON");
  const ranged = (command: Command): Command =>
    command
      .option("--from <time>", "UTC, such as 2026-11-23T10:00:00Z; default 24 hours before --to")
      .option("--to <time>", "UTC; default now");
  const does = <Arguments extends unknown[]>(command: Command, action: Action<Arguments>): void => {
    targeted(command).action(async (...given: unknown[]) => {
      // Commander passes the arguments, the options and the command.
      const options = given.at(-2) as GlobalOptions;
      const report = await action(await findTarget(options), ...(given.slice(0, -1) as Arguments));
      print(report, options);
      if (report.failed) throw new ReportedError();
    });
  };
  const examples = (command: Command, ...lines: string[]): Command =>
    command.addHelpText(
      "after",
      `\nExamples:\n${lines.map((line) => `  $ oauth-monitoring ${line}`).join("\n")}`,
    );

  does(
    examples(
      ranged(program.command("stats").description("show token statistics for a time range")),
      "stats",
      "stats --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z --json",
    ),
    stats,
  );
  does(
    examples(
      program
        .command("cleanup")
        .description("delete expired tokens, codes, sessions and events")
        .option("--dry-run", "count expired items without deleting them"),
      "cleanup --dry-run",
    ),
    cleanup,
  );
  does(
    examples(
      ranged(
        program
          .command("security-report")
          .description(
            "show security events, newest first, with a summary by client, address and endpoint",
          ),
      ),
      "security-report --from 2026-11-23T00:00:00Z",
    ),
    securityReport,
  );
  does(
    examples(
      program
        .command("events")
        .description("show the audit log, newest first")
        .option("--type <type>", "only events of this type, such as auth_failed")
        .option("--client <id>", "only events from this client")
        .option("--user <id>", "only events from this user")
        .option("--token <id>", "only events of the token with this public id")
        .option("--ip <address>", "only events from this IPv4 address or IPv6 /64 network")
        .option("--country <code>", "only events from this country, such as DE")
        .option("--asn <number>", "only events from this autonomous system, such as AS64496")
        .option(
          "--kind <kind>",
          "only events from this kind of network: hosting, vpn, proxy or tor",
        )
        .option("--from <time>", "UTC, such as 2026-11-23T10:00:00Z")
        .option("--to <time>", "UTC")
        .option("--limit <number>", "maximum number of events", "50"),
      "events --type auth_failed --limit 20",
      "events --client mobile-app --json",
    ),
    events,
  );

  const clients = program.command("clients").description("manage OAuth clients");
  does(
    clients
      .command("list")
      .description("list active clients with their active tokens and last use")
      .option("--unused <days>", "only clients unused for this number of days"),
    clientsList,
  );
  does(
    examples(
      clients
        .command("add")
        .description("register a client, or set the name of a client known from its events")
        .requiredOption("--id <id>", "OAuth client id")
        .requiredOption("--name <name>", "display name"),
      'clients add --id mobile-app --name "Mobile app"',
    ),
    clientsAdd,
  );

  const tokens = program.command("tokens").description("manage access tokens");
  does(
    examples(
      tokens
        .command("issue")
        .description("issue a token and print it once")
        .requiredOption("--client <id>", "OAuth client id")
        .requiredOption("--scopes <scopes>", "space-separated scopes")
        .requiredOption("--expires-in <seconds>", "lifetime in seconds")
        .option("--user <id>", "user of the token"),
      'tokens issue --client mobile-app --scopes "api:read api:write" --expires-in 3600',
    ),
    tokensIssue,
  );
  does(
    tokens
      .command("revoke")
      .description("revoke a token")
      .argument("<token-id>", "public id of the token, as shown in events"),
    tokensRevoke,
  );

  does(
    examples(
      tokens
        .command("list")
        .description(
          "list active tokens of a client or user, tokens that expire soon, or unused tokens",
        )
        .option("--client <id>", "only tokens of this client")
        .option("--user <id>", "only tokens of this user")
        .option("--expiring <days>", "only tokens that expire within this number of days")
        .option("--unused <days>", "only tokens unused for this number of days"),
      "tokens list --user ada",
      "tokens list --unused 30",
      "tokens list --expiring 7 --json",
    ),
    tokensList,
  );

  const sessions = program.command("sessions").description("manage sessions");
  does(
    sessions
      .command("list")
      .description("list active sessions of a client or user")
      .option("--client <id>", "only sessions of this client")
      .option("--user <id>", "only sessions of this user"),
    sessionsList,
  );

  const aimed = (command: Command, kinds: readonly string[]): Command =>
    kinds.reduce(
      (all, kind) => all.option(`--${kind} <id>`, TARGET_HELP[kind as keyof typeof TARGET_HELP]),
      command,
    );
  const acting = (command: Command): Command =>
    command
      .requiredOption("--reason <text>", "reason for the audit log")
      .option("--as <name>", "actor in the audit log; default your user name on this machine")
      .option(
        "--key <key>",
        "idempotency key: repeating the command with the same key changes nothing",
      )
      .option("--alert <id>", "id of the alert that prompted the action")
      .option("--dry-run", "show what would be affected without doing it")
      .option("--yes", "skip the confirmation prompt");
  const decided = (command: Command): Command =>
    command
      .argument("<action-id>", "action id, as shown by actions list")
      .requiredOption("--reason <text>", "reason for the audit log")
      .option("--as <name>", "actor in the audit log; default your user name on this machine");
  does(
    examples(
      acting(
        aimed(
          program
            .command("revoke")
            .description(
              "permanently revoke all tokens and sessions issued so far to a user or client, or one token or session",
            ),
          ["token", "user", "client", "session"],
        )
          .option(
            "--all",
            "all tokens and sessions of every user and client, for example after a key leak",
          )
          .option(
            "--issued-before <time>",
            "UTC; only tokens and sessions issued before this time",
          ),
      ),
      'revoke --user ada --reason "the laptop was stolen" --dry-run',
      'revoke --all --reason "the signing key leaked" --dry-run',
      'revoke --client mobile-app --issued-before 2026-11-23T10:00:00Z --reason "leaked build"',
    ),
    revoke,
  );
  does(
    examples(
      acting(
        aimed(
          program.command("block").description("deny all calls of a target for a limited time"),
          TARGET_KINDS,
        )
          .option("--hours <number>", "duration in hours")
          .option("--until <time>", "UTC; end of the block"),
      ),
      'block --address 203.0.113.66 --hours 4 --reason "guesses tokens"',
      'block --network 203.0.113.0/24 --until 2026-11-24T00:00:00Z --reason "attack"',
    ),
    block,
  );
  does(
    examples(
      decided(program.command("release").description("end a block early")),
      'release 019a8c1e-2b7d-7c3f-9d52-6f3c1d0b7a11 --reason "it was us"',
    ),
    release,
  );
  const actions = program
    .command("actions")
    .description("list actions, and approve or reject proposed ones");
  does(
    examples(
      aimed(
        actions
          .command("list")
          .description("list the newest actions in a state, or all actions against one target")
          .option("--state <state>", "done, proposed, dry_run, released, expired, …", "done"),
        TARGET_KINDS,
      ),
      "actions list --state proposed",
      "actions list --user ada",
    ),
    actionsList,
  );
  does(
    decided(actions.command("approve").description("approve and execute a proposed action")),
    actionsApprove,
  );
  does(decided(actions.command("reject").description("reject a proposed action")), actionsReject);

  const alerts = program.command("alerts").description("manage alerts");
  const muting = (command: Command): Command =>
    command
      .requiredOption("--client <id>", "OAuth client id")
      .option("--rule <name>", "rule; default all rules");
  does(
    alerts
      .command("list")
      .description("list open alerts, highest score first, with acknowledgements and verdicts")
      .option("--resolved", "list resolved alerts instead"),
    alertsList,
  );
  does(
    examples(
      muting(
        alerts.command("mute").description("suppress alerts about a client for a limited time"),
      ).option("--hours <number>", "duration in hours", "24"),
      "alerts mute --client load-test --hours 2",
      "alerts mute --client mobile-app --rule issuance_rate",
    ),
    alertsMute,
  );
  does(muting(alerts.command("unmute").description("end a mute early")), alertsUnmute);
  does(
    alerts.command("mutes").description("list muted clients and when each mute ends"),
    alertsMutes,
  );
  const reviewing = (command: Command): Command =>
    command
      .argument("<alert-id>", "alert id, as shown by alerts list")
      .option("--as <name>", "author; default your user name on this machine");
  does(
    reviewing(
      alerts.command("acknowledge").description("mark an alert as being investigated"),
    ).option("--note <text>", "note"),
    alertsAcknowledge,
  );
  does(
    examples(
      reviewing(alerts.command("note").description("add a note to an alert")).argument(
        "<text>",
        "text of the note",
      ),
      'alerts note failure_burst#ip#203.0.113.66 "it is the load test"',
    ),
    alertsNote,
  );
  does(
    examples(
      reviewing(
        alerts
          .command("verdict")
          .description(
            "record whether an alert was right; benign also suppresses this rule for the alert's subject",
          ),
      )
        .argument("<verdict>", "true, false, benign, or none to remove the verdict")
        .option("--note <text>", "note"),
      "alerts verdict failure_burst#ip#203.0.113.66 true",
    ),
    alertsVerdict,
  );
  does(
    alerts
      .command("figures")
      .description("show the precision of each rule, from the verdicts on its alerts"),
    alertsFigures,
  );
  does(
    examples(
      alerts
        .command("try")
        .description("show which alerts a custom rule would have raised, without changing anything")
        .argument("<rule>", "JSON file with one rule, or the name of a rule in anomalies.custom")
        .option("--days <number>", "number of past days to evaluate", "14"),
      "alerts try partner-tokens.json",
      "alerts try partner_tokens --days 30 --json",
    ),
    alertsTry,
  );
  // Needs no stack, because the rules are the same in every stack.
  alerts
    .command("rules")
    .description("list all rules: what each detects and how to respond")
    .option("--json", "print JSON")
    .action((options: Pick<GlobalOptions, "json">) => print(alertsRules(), options));

  const anomalies = program.command("anomalies").description("tune detection thresholds");
  does(
    examples(
      anomalies
        .command("suggest")
        .description("suggest thresholds from past counts, without changing anything")
        .option("--days <number>", "number of past days to evaluate", "14")
        .option("--per-week <number>", "maximum alerts per week for each threshold", "1"),
      "anomalies suggest",
      "anomalies suggest --days 30 --per-week 0.5 --json",
    ),
    anomaliesSuggest,
  );

  // Needs no stack, because the cost is calculated from list prices.
  examples(
    program
      .command("cost")
      .description("estimate the monthly cost by component and compare alternatives")
      .requiredOption("--calls-per-second <number>", "average API calls per second")
      .option("--failures <percent>", "percentage of denied calls", "1")
      .option("--retention <days>", "retention of events in days", "90")
      .option("--profile <name>", "cost profile: default or lean", "default")
      .option("--json", "print JSON"),
    "cost --calls-per-second 50",
    "cost --calls-per-second 1000 --failures 5 --retention 30 --profile lean --json",
  ).action(async (options: Pick<GlobalOptions, "json">) => print(await cost(options), options));

  const providers = program.command("providers").description("check identity provider events");
  // Needs no stack, because nothing is stored.
  examples(
    providers
      .command("try")
      .description("show how provider events would be stored, without storing them")
      .argument("<file>", "JSON file: one event, a list of events, or one event per line")
      .option("--mapping <file>", "JSON file: one mapping, or the whole configuration")
      .option("--provider <name>", "auth0, okta, entra, keycloak, ping or cognito")
      .option("--json", "print JSON"),
    "providers try events.json --mapping acme.json",
    "providers try system-log.json --provider okta --json",
  ).action((file: string, options: TryOptions & Pick<GlobalOptions, "json">) =>
    print(providersTry(file, options, systemClock), options),
  );

  const origins = program.command("origins").description("manage IP enrichment databases");
  does(
    examples(
      origins
        .command("put")
        .description("validate a MaxMind DB file and upload it to the stack")
        .argument("<file>", "uncompressed file")
        .option("--as <name>", "name in origins.databases; default the file name"),
      "origins put country.mmdb --stack OAuthMonitoring",
      "origins put GeoLite2-ASN.mmdb --as asn.mmdb --stack OAuthMonitoring",
    ),
    originsPut,
  );
  examples(
    origins
      .command("look")
      .description("look up an address in local database files; needs no stack")
      .argument("<address>", "IPv4 or IPv6 address")
      .requiredOption("--database <files...>", "MaxMind DB files, highest priority first")
      .option("--json", "print JSON"),
    "origins look 203.0.113.9 --database country.mmdb asn.mmdb",
  ).action((address: string, options: { database: string[] } & Pick<GlobalOptions, "json">) =>
    print(originsLook(address, options), options),
  );

  const deadLetters = program
    .command("dead-letters")
    .description("inspect and redrive events that could not be stored");
  does(
    deadLetters
      .command("list")
      .description("list messages that could not be stored, with the reason"),
    deadLettersList,
  );
  does(
    deadLetters.command("redrive").description("send the messages to the subscriber again"),
    deadLettersRedrive,
  );

  does(
    examples(
      program
        .command("doctor")
        .description("check the stack end to end with a five-minute token, and suggest fixes")
        .option("--wait <seconds>", "seconds to wait for an event to reach the audit log", "60")
        .option("--url <url>", "protected URL to call with the token")
        .option("--scopes <scopes>", "space-separated scopes of the token", "api:read")
        .option(
          "--calls-per-second <number>",
          "peak calls per second for which to check the account's quotas",
        ),
      "doctor --stack OAuthMonitoring",
      "doctor --stack Shop --url https://api.example.com/orders --scopes orders:read",
    ),
    doctor,
  );

  const archive = program.command("archive").description("replay archived events");
  does(
    examples(
      ranged(
        archive
          .command("replay")
          .description("replay the events of a time range; events already stored are skipped"),
      ),
      "archive replay --from 2026-11-23T10:00:00Z --to 2026-11-23T12:00:00Z",
    ),
    archiveReplay,
  );
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
      message: `a service returned unexpected data: ${explainFaults(error)}`,
      code: EXIT.failed,
    };
  }
  if (error instanceof InvalidInputError && !(error instanceof InvalidConfigError)) {
    return { message: sentenceOf(error.faults), code: EXIT.badArguments };
  }
  if (
    error instanceof InvalidRangeError ||
    error instanceof UsageError ||
    error instanceof UnusableInputError
  ) {
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
