import * as z from "zod";
import {
  asnFilterSchema,
  countryFilterSchema,
  networkTypeFilterSchema,
} from "../../shared/audit-log/enrichment-filters.ts";
import { type EventQuery, queryEvents } from "../../shared/audit-log/query-events.ts";
import type { StoredEvent } from "../../shared/audit-log/stored-event.ts";
import { printable, progress, type Report } from "../../shared/core/terminal.ts";
import { rangeParametersSchema } from "../../shared/core/time-range.ts";
import { eventTypeSchema, identifierSchema, ipSchema } from "../../shared/events/identifiers.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { mostFrequent, type ValueCount } from "../../shared/statistics/activity.ts";
import { parseOptions, type RangeOptions, toRange } from "../program/options.ts";
import { type ReportCommand, tableOr } from "../program/report-command.ts";

/** Events per page. */
const PAGE = 1000;

/** Returns all events of a query, up to a maximum number. */
async function collect(
  target: Target,
  query: Omit<EventQuery, "limit" | "cursor">,
  maxEvents = Number.POSITIVE_INFINITY,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let cursor: string | undefined;
  do {
    const limit = Math.min(PAGE, maxEvents - events.length);
    const page = await queryEvents(target, { ...query, limit, cursor });
    events.push(...page.events);
    progress(`${events.length} events …`);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && events.length < maxEvents);
  progress("");
  return events;
}

/** Returns the most frequent values first. Omits events without a value. */
function rank(events: readonly StoredEvent[], read: (event: StoredEvent) => unknown): ValueCount[] {
  const counts = new Map<string, number>();
  for (const event of events) {
    const value = read(event);
    if (typeof value === "string") counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return mostFrequent(counts);
}

async function securityReport(target: Target, options: RangeOptions): Promise<Report> {
  const { range, title } = toRange(target, options);
  const events = await collect(target, { ...range, security: true });
  const summary = {
    by_type: rank(events, ({ event_type }) => event_type),
    by_client: rank(events, ({ oauth_client_id }) => oauth_client_id),
    by_ip: rank(events, ({ event_data }) => event_data.ip),
    by_endpoint: rank(events, ({ event_data }) => event_data.endpoint),
  };
  const block = (heading: string, counts: readonly ValueCount[]) => {
    const lines = counts.map(({ value, count }) => `  ${printable(value)}: ${count}`);
    return lines.length > 0 ? ["", heading, ...lines] : [];
  };
  const text = [
    `Security Events (${title}): ${events.length}`,
    ...events.map(
      ({ occurred_at, event_type, event_data }) =>
        `  [${occurred_at}] ${event_type}: ${printable(JSON.stringify(event_data))}`,
    ),
    ...block("By Type:", summary.by_type),
    ...block("By Client:", summary.by_client),
    ...block("By Address:", summary.by_ip),
    ...block("By Endpoint:", summary.by_endpoint),
  ].join("\n");
  return { json: { count: events.length, summary, events }, text };
}

const filtersSchema = rangeParametersSchema.extend({
  type: eventTypeSchema.optional(),
  client: identifierSchema.optional(),
  user: identifierSchema.optional(),
  token: identifierSchema.optional(),
  ip: ipSchema.optional(),
  country: countryFilterSchema.optional(),
  asn: asnFilterSchema.optional(),
  networkType: networkTypeFilterSchema.optional(),
  limit: z.coerce.number().int().min(1).default(50),
});

async function events(target: Target, options: unknown): Promise<Report> {
  const { from, to, client, user, token, limit, ...filters } = parseOptions(filtersSchema, options);
  const query = {
    ...filters,
    clientId: client,
    userId: user,
    tokenId: token,
    fromMs: from === undefined ? undefined : Date.parse(from),
    toMs: to === undefined ? undefined : Date.parse(to),
  };
  const found = await collect(target, query, limit);
  const rows = found.map((event) => [
    event.occurred_at,
    event.event_type,
    event.oauth_client_id ?? "-",
    event.user_id ?? "-",
    JSON.stringify(event.event_data),
  ]);
  const head = ["OCCURRED", "TYPE", "CLIENT", "USER", "DATA"];
  return { json: { events: found }, text: tableOr("No events.", head, rows) };
}

export function registerEvents(program: ReportCommand): void {
  program
    .command("security-report")
    .description(
      "show security events, newest first, with a summary by client, address and endpoint",
    )
    .range()
    .examples("security-report --from 2026-11-23T00:00:00Z")
    .runOnStack(securityReport);
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
      "--network-type <type>",
      "only events from this type of network: hosting, vpn, proxy or tor",
    )
    .option("--from <time>", "UTC, such as 2026-11-23T10:00:00Z")
    .option("--to <time>", "UTC")
    .option("--limit <number>", "maximum number of events", "50")
    .examples("events --type auth_failed --limit 20", "events --client mobile-app --json")
    .runOnStack(events);
}
