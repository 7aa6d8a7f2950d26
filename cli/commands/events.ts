import * as z from "zod";
import {
  asnFilterSchema,
  countryFilterSchema,
  kindFilterSchema,
} from "../../shared/audit-log/origin-filters.ts";
import { type EventQuery, queryEvents } from "../../shared/audit-log/query-events.ts";
import type { StoredEvent } from "../../shared/audit-log/stored-event.ts";
import { parseInput } from "../../shared/core/errors.ts";
import { printable, progress, type Report, table } from "../../shared/core/terminal.ts";
import { rangeParametersSchema } from "../../shared/core/time-range.ts";
import { eventTypeSchema, identifierSchema, ipSchema } from "../../shared/events/identifiers.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { mostFrequent, type ValueCount } from "../../shared/statistics/activity.ts";
import { type RangeOptions, rangeOf } from "./range.ts";

/** Events per page. */
const PAGE = 1000;

/** Returns all events of a query, up to a maximum number. */
async function collect(
  target: Target,
  query: Omit<EventQuery, "limit" | "cursor">,
  most = Number.POSITIVE_INFINITY,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let cursor: string | undefined;
  do {
    const limit = Math.min(PAGE, most - events.length);
    const page = await queryEvents(target, { ...query, limit, cursor });
    events.push(...page.events);
    progress(`${events.length} events …`);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && events.length < most);
  progress("");
  return events;
}

/** Returns the most frequent values first. Omits events without a value. */
function most(events: readonly StoredEvent[], read: (event: StoredEvent) => unknown): ValueCount[] {
  const counts = new Map<string, number>();
  for (const event of events) {
    const value = read(event);
    if (typeof value === "string") counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return mostFrequent(counts);
}

/** `security-report`: lists security events and counts them by type, client, address and endpoint. */
export async function securityReport(target: Target, options: RangeOptions): Promise<Report> {
  const { range, title } = rangeOf(target, options);
  const events = await collect(target, { ...range, security: true });
  const summary = {
    by_type: most(events, ({ event_type }) => event_type),
    by_client: most(events, ({ oauth_client_id }) => oauth_client_id),
    by_ip: most(events, ({ event_data }) => event_data.ip),
    by_endpoint: most(events, ({ event_data }) => event_data.endpoint),
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
  kind: kindFilterSchema.optional(),
  limit: z.coerce.number().int().min(1).default(50),
});

/** `events`: lists the audit log, newest first. */
export async function events(target: Target, options: Record<string, unknown>): Promise<Report> {
  const { from, to, type, client, user, token, ip, country, asn, kind, limit } = parseInput(
    filtersSchema,
    "the options",
    options,
  );
  const found = await collect(
    target,
    {
      type,
      clientId: client,
      userId: user,
      tokenId: token,
      ip,
      country,
      asn,
      kind,
      fromMs: from === undefined ? undefined : Date.parse(from),
      toMs: to === undefined ? undefined : Date.parse(to),
    },
    limit,
  );
  const rows = found.map((event) => [
    event.occurred_at,
    event.event_type,
    printable(event.oauth_client_id ?? "-"),
    printable(event.user_id ?? "-"),
    printable(JSON.stringify(event.event_data)),
  ]);
  const text =
    rows.length > 0 ? table(["OCCURRED", "TYPE", "CLIENT", "USER", "DATA"], rows) : "No events.";
  return { json: { events: found }, text };
}
