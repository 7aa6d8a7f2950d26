import * as z from "zod";
import { eventTypeSchema, identifierSchema } from "../../../shared/events/identifiers.ts";
import { type EventQuery, queryEvents } from "../../../shared/events/query-events.ts";
import type { StoredEvent } from "../../../shared/events/stored-event.ts";
import { rangeParametersSchema } from "../../../shared/statistics/time-range.ts";
import { printable, progress, type Report, table } from "../output.ts";
import { type RangeOptions, rangeOf } from "../range.ts";
import type { Target } from "../target.ts";

/** Events read a page. */
const PAGE = 1000;

/** Every event of a query, up to a number. */
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

/** `security-report`: the seed's report of the security event types. */
export async function securityReport(target: Target, options: RangeOptions): Promise<Report> {
  const { range, title } = rangeOf(target, options);
  const events = await collect(target, { ...range, security: true });
  const text = [
    `Security Events (${title}): ${events.length}`,
    ...events.map(
      ({ created_at, event_type, event_data }) =>
        `  [${created_at}] ${event_type}: ${printable(JSON.stringify(event_data))}`,
    ),
  ].join("\n");
  return { json: { count: events.length, events }, text };
}

const filtersSchema = rangeParametersSchema.extend({
  type: eventTypeSchema.optional(),
  client: identifierSchema.optional(),
  user: identifierSchema.optional(),
  token: identifierSchema.optional(),
  limit: z.coerce.number().int().min(1).default(50),
});

/** `events`: the audit log, newest first. */
export async function events(target: Target, options: Record<string, unknown>): Promise<Report> {
  const { from, to, type, client, user, token, limit } = filtersSchema.parse(options);
  const found = await collect(
    target,
    {
      type,
      clientId: client,
      userId: user,
      tokenId: token,
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
