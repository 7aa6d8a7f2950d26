import { readFileSync } from "node:fs";
import { v5 as uuidv5 } from "uuid";
import * as z from "zod";
import { instantSchema, toInstant } from "../../shared/core/clock.ts";
import { explain } from "../../shared/core/errors.ts";
import { jsonValues } from "../../shared/core/terminal.ts";
import { type OAuthEvent, oauthEventSchema } from "../../shared/events/oauth-event.ts";

/** UUID namespace for the IDs of shifted events. */
const NAMESPACE = "0d0c6d3a-5f6f-4a63-9d0b-0e8a6c1c7a52";

const EXPECTED =
  "give the output of `npx oauth-monitoring events --json`, a list of events, or one event per line";

/** An exported event. Drops the fields that the store added. */
const exportedSchema = z
  .looseObject({ id: z.string(), event_type: z.string(), occurred_at: z.string() })
  .transform(({ created_at: _, expires_at: __, ...event }) => event)
  .pipe(oauthEventSchema);

function valuesIn(text: string): unknown[] {
  const values = jsonValues(
    text,
    (line) => new Error(`line ${line} is not valid JSON: ${EXPECTED}`),
  );
  if (values.length !== 1) return values;
  const listed = z.looseObject({ events: z.array(z.unknown()) }).safeParse(values[0]).data;
  return listed?.events ?? values.flat();
}

/**
 * Parses exported events and returns them oldest first.
 *
 * @throws Error that names the invalid event and the expected format
 */
export function parseExportedEvents(text: string): OAuthEvent[] {
  const events = valuesIn(text).map((value, index) => {
    const parsed = exportedSchema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new Error(`event ${index + 1} is not valid: ${explain(parsed.error)}; ${EXPECTED}`);
  });
  if (events.length === 0) throw new Error(`the file has no events: ${EXPECTED}`);
  return events.sort((a, b) => Date.parse(a.occurred_at) - Date.parse(b.occurred_at));
}

/**
 * Reads exported events from a file.
 *
 * @throws Error when the file is missing or contains no events
 */
export function readExportedEvents(file: string): OAuthEvent[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  return parseExportedEvents(text);
}

/** Shifts the times in an event's data, such as the expiry and the previous use. */
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
 * Shifts the times of events so that the last one occurs at `endMs`. The same shift always produces the same event IDs.
 *
 * @param events oldest first
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
