import { readFileSync } from "node:fs";
import { v5 as uuidv5 } from "uuid";
import * as z from "zod";
import { instantSchema, toInstant } from "../../shared/core/clock.ts";
import { explain } from "../../shared/core/faults.ts";
import { jsonValues } from "../../shared/core/json-values.ts";
import { type OAuthEvent, oauthEventSchema } from "../../shared/events/oauth-event.ts";

/** The namespace of the ids of events that are played again at other times. */
const NAMESPACE = "0d0c6d3a-5f6f-4a63-9d0b-0e8a6c1c7a52";

const EXPECTED =
  "give what `npx oauth-monitoring events --json` prints, a list of events, or one event a line";

/** An event as the audit log shows it: what storing added is left out. */
const exportedSchema = z
  .looseObject({ id: z.string(), event_type: z.string(), occurred_at: z.string() })
  .transform(({ created_at: _, expires_at: __, ...event }) => event)
  .pipe(oauthEventSchema);

function valuesIn(text: string): unknown[] {
  const values = jsonValues(text, (line) => new Error(`line ${line} is not JSON: ${EXPECTED}`));
  if (values.length !== 1) return values;
  const listed = z.looseObject({ events: z.array(z.unknown()) }).safeParse(values[0]).data;
  return listed?.events ?? values.flat();
}

/**
 * Reads exported events, the earliest first.
 *
 * @throws Error that says which event is wrong, and what a file must hold
 */
export function parseExportedEvents(text: string): OAuthEvent[] {
  const events = valuesIn(text).map((value, index) => {
    const parsed = exportedSchema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new Error(`event ${index + 1} is not valid: ${explain(parsed.error)}; ${EXPECTED}`);
  });
  if (events.length === 0) throw new Error(`there is no event: ${EXPECTED}`);
  return events.sort((a, b) => Date.parse(a.occurred_at) - Date.parse(b.occurred_at));
}

/** @throws Error when there is no such file, or it holds no events */
export function readExportedEvents(file: string): OAuthEvent[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  return parseExportedEvents(text);
}

/** The times in an event's data move with it: when a token expires, when it was used before. */
function moveTimes(value: unknown, byMs: number): unknown {
  if (typeof value === "string") {
    const instant = instantSchema.safeParse(value).data;
    return instant === undefined ? value : toInstant(Date.parse(instant) + byMs);
  }
  if (Array.isArray(value)) return value.map((each) => moveTimes(each, byMs));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, moveTimes(each, byMs)]),
  );
}

/**
 * The same events at other times, so that the last of them occurs at `endMs`. Their ids follow from the old ids and the
 * move, so that the same move gives the same events.
 *
 * @param events the earliest first
 */
export function moveEvents(events: readonly OAuthEvent[], endMs: number): OAuthEvent[] {
  const last = events.at(-1);
  if (!last) return [];
  const byMs = endMs - Date.parse(last.occurred_at);
  return events.map((event) => ({
    ...event,
    id: uuidv5(`${event.id} ${byMs}`, NAMESPACE),
    occurred_at: toInstant(Date.parse(event.occurred_at) + byMs),
    event_data: moveTimes(event.event_data, byMs) as OAuthEvent["event_data"],
  }));
}
