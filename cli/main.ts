import { Command, CommanderError } from "commander";
import * as z from "zod";
import { InvalidConfigError } from "../shared/config/monitoring-config.ts";
import { systemClock } from "../shared/core/clock.ts";
import { explain as explainFaults, InvalidInputError, sentenceOf } from "../shared/core/faults.ts";
import { printableJson, printableLines, type Report } from "../shared/core/output.ts";
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
  token: "a token, by its public id",
  user: "a user",
  client: "a client",
  session: "a session, by its public id",
  address: "an IPv4 or IPv6 address",
  network: "a network, such as 203.0.113.0/24",
} as const;

/** Thrown if the arguments contradict each other. */
class UsageError extends Error {}

/** Thrown if the command failed and its report explains why. */
class ReportedError extends Error {}

async function findTarget({ local, stack, construct }: GlobalOptions): Promise<Target> {
  if (local && stack !== undefined) throw new UsageError("give --local or --stack, not both");
  if (construct !== undefined && stack === undefined) {
    throw new UsageError("--construct needs --stack: give --stack NAME as well");
  }
  if (stack !== undefined) {
    const { describeDeployedStack } = await import("./deployed-stack-description.ts");
    return openTarget(await describeDeployedStack(stack, construct));
  }
  if (!localStackIsThere()) {
    throw new UsageError(
      "no local stack runs: start it with npm start, or name a deployed one with --stack NAME",
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
    .description("Administers an oauth-monitoring stack")
    .version(packageVersion(), "-V, --version", "print the version")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(printableLines(text)) })
    .exitOverride();

  const targeted = (command: Command): Command =>
    command
      .option("--local", "talk to the local stack (default while it runs)")
      .option("--stack <name>", "talk to a deployed stack, with the AWS CLI's credentials")
      .option("--construct <name>", "the construct, when the stack has several")
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
      ranged(program.command("stats").description("token statistics of a time range")),
      "stats",
      "stats --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z --json",
    ),
    stats,
  );
  does(
    examples(
      program
        .command("cleanup")
        .description("remove expired tokens, codes, sessions and events")
        .option("--dry-run", "count, and delete nothing"),
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
            "security events, newest first, and a summary by client, address and endpoint",
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
        .description("the audit log, newest first")
        .option("--type <type>", "only events of this type, such as auth_failed")
        .option("--client <id>", "only events of this client")
        .option("--user <id>", "only events of this user")
        .option("--token <id>", "only events of this token, by its public id")
        .option("--ip <address>", "only events from this address, or /64 of IPv6 addresses")
        .option("--country <code>", "only events from this country, such as DE")
        .option("--asn <number>", "only events from this autonomous system, such as AS64496")
        .option("--kind <kind>", "only events from such networks: hosting, vpn, proxy or tor")
        .option("--from <time>", "UTC, such as 2026-11-23T10:00:00Z")
        .option("--to <time>", "UTC")
        .option("--limit <number>", "how many events to print at most", "50"),
      "events --type auth_failed --limit 20",
      "events --client mobile-app --json",
    ),
    events,
  );

  const clients = program.command("clients").description("OAuth clients");
  does(
    clients
      .command("list")
      .description("active clients, their active tokens and last use")
      .option("--unused <days>", "clients that nobody has used for this number of days"),
    clientsList,
  );
  does(
    examples(
      clients
        .command("add")
        .description("register a client, or name one that is known from its events")
        .requiredOption("--id <id>", "the OAuth client id")
        .requiredOption("--name <name>", "the name shown to administrators"),
      'clients add --id mobile-app --name "Mobile app"',
    ),
    clientsAdd,
  );

  const tokens = program.command("tokens").description("access tokens");
  does(
    examples(
      tokens
        .command("issue")
        .description("issue a token and print it once")
        .requiredOption("--client <id>", "the OAuth client")
        .requiredOption("--scopes <scopes>", "scopes, separated by spaces")
        .requiredOption("--expires-in <seconds>", "lifetime in seconds")
        .option("--user <id>", "the user the token acts for"),
      'tokens issue --client mobile-app --scopes "api:read api:write" --expires-in 3600',
    ),
    tokensIssue,
  );
  does(
    tokens
      .command("revoke")
      .description("revoke a token")
      .argument("<token-id>", "the public id, as in events"),
    tokensRevoke,
  );

  does(
    examples(
      tokens
        .command("list")
        .description(
          "active tokens of a client or a user, those that expire soon or that nobody uses",
        )
        .option("--client <id>", "the tokens of this client")
        .option("--user <id>", "the tokens of this user")
        .option("--expiring <days>", "tokens that expire within this number of days")
        .option("--unused <days>", "tokens that nobody has used for this number of days"),
      "tokens list --user ada",
      "tokens list --unused 30",
      "tokens list --expiring 7 --json",
    ),
    tokensList,
  );

  const sessions = program.command("sessions").description("sessions of clients");
  does(
    sessions
      .command("list")
      .description("active sessions of a client or a user")
      .option("--client <id>", "the sessions of this client")
      .option("--user <id>", "the sessions of this user"),
    sessionsList,
  );

  const aimed = (command: Command, kinds: readonly string[]): Command =>
    kinds.reduce(
      (all, kind) => all.option(`--${kind} <id>`, TARGET_HELP[kind as keyof typeof TARGET_HELP]),
      command,
    );
  const acting = (command: Command): Command =>
    command
      .requiredOption("--reason <text>", "why, for the audit log")
      .option("--as <name>", "who acts; default the user of this machine")
      .option("--key <key>", "a repeated command with the same key is the same action")
      .option("--alert <id>", "the alert that it answers")
      .option("--dry-run", "say what it would hit, and do nothing")
      .option("--yes", "do not ask at a terminal");
  const decided = (command: Command): Command =>
    command
      .argument("<action-id>", "as in actions list")
      .requiredOption("--reason <text>", "why, for the audit log")
      .option("--as <name>", "who decides; default the user of this machine");
  does(
    examples(
      acting(
        aimed(
          program
            .command("revoke")
            .description(
              "refuse, for good, what a token, user, client or session was issued so far",
            ),
          ["token", "user", "client", "session"],
        )
          .option("--all", "everybody: every token and session, as after a key was leaked")
          .option("--issued-before <time>", "UTC; only what was issued before"),
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
          program.command("block").description("refuse every call of a target for a while"),
          TARGET_KINDS,
        )
          .option("--hours <number>", "for how long")
          .option("--until <time>", "UTC; until when"),
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
  const actions = program.command("actions").description("actions, and what waits for approval");
  does(
    examples(
      aimed(
        actions
          .command("list")
          .description("the newest actions of a state, or against one target")
          .option("--state <state>", "done, proposed, dry_run, released, expired, …", "done"),
        TARGET_KINDS,
      ),
      "actions list --state proposed",
      "actions list --user ada",
    ),
    actionsList,
  );
  does(
    decided(actions.command("approve").description("take an action that waits for approval")),
    actionsApprove,
  );
  does(
    decided(actions.command("reject").description("decide that a proposed action is not taken")),
    actionsReject,
  );

  const alerts = program.command("alerts").description("alerts of the anomaly detection");
  const muting = (command: Command): Command =>
    command
      .requiredOption("--client <id>", "the OAuth client")
      .option("--rule <name>", "only this rule; default every rule");
  does(
    alerts
      .command("list")
      .description("open alerts, the highest score first, and what was said of them")
      .option("--resolved", "list resolved alerts instead"),
    alertsList,
  );
  does(
    examples(
      muting(
        alerts.command("mute").description("raise no alerts about a client for a while"),
      ).option("--hours <number>", "how long", "24"),
      "alerts mute --client load-test --hours 2",
      "alerts mute --client mobile-app --rule issuance_rate",
    ),
    alertsMute,
  );
  does(muting(alerts.command("unmute").description("end a mute early")), alertsUnmute);
  does(alerts.command("mutes").description("muted clients, and until when"), alertsMutes);
  const reviewing = (command: Command): Command =>
    command
      .argument("<alert-id>", "as in alerts list")
      .option("--as <name>", "who says it; default the user of this machine");
  does(
    reviewing(
      alerts.command("acknowledge").description("say that somebody looks at an alert"),
    ).option("--note <text>", "a note on it"),
    alertsAcknowledge,
  );
  does(
    examples(
      reviewing(alerts.command("note").description("add a note to an alert")).argument(
        "<text>",
        "the note",
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
          .description("say what an alert was; benign lets its subject raise no more of the rule"),
      )
        .argument("<verdict>", "true, false, benign, or none to take it back")
        .option("--note <text>", "a note on it"),
      "alerts verdict failure_burst#ip#203.0.113.66 true",
    ),
    alertsVerdict,
  );
  does(
    alerts
      .command("figures")
      .description("how often each rule was right, by the verdicts on its alerts"),
    alertsFigures,
  );
  does(
    examples(
      alerts
        .command("try")
        .description("show what a rule of your own would have raised, and change nothing")
        .argument("<rule>", "a JSON file with one rule, or the name of one in anomalies.custom")
        .option("--days <number>", "days to look back", "14"),
      "alerts try partner-tokens.json",
      "alerts try partner_tokens --days 30 --json",
    ),
    alertsTry,
  );
  // The rules are the same in every stack, so no stack is needed.
  alerts
    .command("rules")
    .description("every rule: what it catches and what to do")
    .option("--json", "print JSON")
    .action((options: Pick<GlobalOptions, "json">) => print(alertsRules(), options));

  const anomalies = program.command("anomalies").description("thresholds of the detection");
  does(
    examples(
      anomalies
        .command("suggest")
        .description("propose thresholds from what was counted, and change nothing")
        .option("--days <number>", "days to look back", "14")
        .option("--per-week <number>", "alerts a week that each may raise", "1"),
      "anomalies suggest",
      "anomalies suggest --days 30 --per-week 0.5 --json",
    ),
    anomaliesSuggest,
  );

  // Calculated from prices, so no stack is needed.
  examples(
    program
      .command("cost")
      .description("what a month costs, by part, and the alternatives")
      .requiredOption("--calls-per-second <number>", "calls of the API, on average")
      .option("--failures <percent>", "calls that are refused", "1")
      .option("--retention <days>", "for how long events are kept", "90")
      .option("--profile <name>", "default or lean", "default")
      .option("--json", "print JSON"),
    "cost --calls-per-second 50",
    "cost --calls-per-second 1000 --failures 5 --retention 30 --profile lean --json",
  ).action(async (options: Pick<GlobalOptions, "json">) => print(await cost(options), options));

  const providers = program.command("providers").description("events of identity providers");
  // Stores nothing, so no stack is needed.
  examples(
    providers
      .command("try")
      .description("show what would be stored of a provider's events, and store nothing")
      .argument("<file>", "JSON: one event, a list of events, or one event a line")
      .option("--mapping <file>", "JSON: one mapping of the configuration, or all of it")
      .option("--provider <name>", "auth0, okta, entra, keycloak, ping or cognito")
      .option("--json", "print JSON"),
    "providers try events.json --mapping acme.json",
    "providers try system-log.json --provider okta --json",
  ).action((file: string, options: TryOptions & Pick<GlobalOptions, "json">) =>
    print(providersTry(file, options, systemClock), options),
  );

  const origins = program
    .command("origins")
    .description("where addresses are, and who runs their networks");
  does(
    examples(
      origins
        .command("put")
        .description("check a database in the MaxMind DB format, and upload it to the stack")
        .argument("<file>", "the file, unpacked")
        .option("--as <name>", "its name in origins.databases; default the file's own"),
      "origins put country.mmdb --stack OAuthMonitoring",
      "origins put GeoLite2-ASN.mmdb --as asn.mmdb --stack OAuthMonitoring",
    ),
    originsPut,
  );
  examples(
    origins
      .command("look")
      .description("show what files on this machine say of an address; needs no stack")
      .argument("<address>", "an IPv4 or IPv6 address")
      .requiredOption(
        "--database <files...>",
        "databases in the MaxMind DB format, the first first",
      )
      .option("--json", "print JSON"),
    "origins look 203.0.113.9 --database country.mmdb asn.mmdb",
  ).action((address: string, options: { database: string[] } & Pick<GlobalOptions, "json">) =>
    print(originsLook(address, options), options),
  );

  const deadLetters = program
    .command("dead-letters")
    .description("events that could not be stored");
  does(
    deadLetters.command("list").description("messages that could not be stored, and why"),
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
        .description(
          "check the stack from end to end with a token of five minutes, and say what to do",
        )
        .option("--wait <seconds>", "how long an event may take to the audit log", "60")
        .option("--url <url>", "also call this protected URL with the token")
        .option("--scopes <scopes>", "the token's scopes, separated by spaces", "api:read")
        .option(
          "--calls-per-second <number>",
          "also check the account's quotas for this many calls of your APIs at their peak",
        ),
      "doctor --stack OAuthMonitoring",
      "doctor --stack Shop --url https://api.example.com/orders --scopes orders:read",
    ),
    doctor,
  );

  const archive = program.command("archive").description("the bus's archive of events");
  does(
    examples(
      ranged(
        archive
          .command("replay")
          .description("store the events of a time range again; nothing is stored twice"),
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
    // Commander has already printed it. Asking for help isn't an error.
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
      message: "the stack does not answer: if it is the local stack, start it again with npm start",
      code: EXIT.failed,
    };
  }
  if (error instanceof PublishError) {
    return {
      message: `the event could not be published; run the command again: ${error.message}`,
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
