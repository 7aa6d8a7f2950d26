import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBusMessage } from "../../functions/subscriber/bus-message.ts";
import { createEvent, detailType, EVENT_SOURCE } from "../../shared/events/oauth-event.ts";
import { storeEvents } from "../../shared/events/store-events.ts";
import { createWorld, useDynamoDbLocal } from "./store.ts";

useDynamoDbLocal();

/** Set higher for a longer search; fast-check prints the seed of a failure. */
const RUNS = Number(process.env.HOSTILE_RUNS ?? 300);

const SECRET = `oam_${"S3cretS3cretS3cretS3cretS3cretS3cretS3cretS3".slice(0, 43)}`;

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    SECRET,
    `Bearer ${SECRET}`,
    `${"x".repeat(200)}${SECRET}`,
    "__proto__",
    "\u0000\u001b[2J",
    "\ud800",
    "\u202eevil",
    "😀".repeat(200),
    "x".repeat(5000),
  ),
);

const key = fc.oneof(
  fc.constantFrom(
    ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", ""],
    ...["access_token", "Authorization", "token_id", "ip", "expires_at", "issued_at", "reason"],
    ...["previous_use", "endpoint", SECRET],
  ),
  fc.string({ maxLength: 6 }),
);

const objectOf = (members: readonly (readonly [string, string])[]) =>
  `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;

/** JSON as text, so that it may hold what no JavaScript value does. */
const { json } = fc.letrec<{ json: string; leaf: string }>((tie) => ({
  leaf: fc.oneof(
    text.map((each) => JSON.stringify(each)),
    fc.constantFrom(
      ...[
        "null",
        "true",
        "0",
        "-0",
        "1e400",
        "-1e400",
        "1e-300",
        "9".repeat(60),
        "0.1",
        "[]",
        "{}",
      ],
      '"2026-11-23T10:00:00Z"',
      '"0000-01-01T00:00:00Z"',
      '"9999-12-31T23:59:59.999Z"',
      '"+275760-09-13T00:00:00.000Z"',
    ),
  ),
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie("leaf"),
    fc.array(tie("json"), { maxLength: 4 }).map((all) => `[${all.join(",")}]`),
    fc.array(fc.tuple(key, tie("json")), { maxLength: 4 }).map(objectOf),
    fc
      .tuple(fc.constantFrom("[", '{"a":'), fc.constantFrom(20, 28, 29, 40, 10_000))
      .map(([open, depth]) => `${open.repeat(depth)}1${(open === "[" ? "]" : "}").repeat(depth)}`),
  ),
}));

const TYPES = [
  "constructor",
  "token_used",
  "token_issued",
  "token_revoked",
  "auth_failed",
  "suspicious_activity",
];

/** A message whose envelope is good but for at most one field, which may be anything or missing. */
const nearlyGood = fc
  .record({
    type: fc.constantFrom(...TYPES),
    id: fc.uuid(),
    data: fc.oneof(fc.array(fc.tuple(key, json), { maxLength: 6 }).map(objectOf), json),
    where: fc.constantFrom("bus", "detail", "none"),
    field: fc.constantFrom(
      ...["id", "event_type", "occurred_at", "oauth_client_id", "user_id", "extra", "__proto__"],
      ...["source", "detail-type", "time"],
    ),
    value: fc.option(json, { nil: undefined }),
  })
  .map(({ type, id, data, where, field, value }) => {
    const fields = (own: "bus" | "detail", good: Readonly<Record<string, string>>) => {
      const members = new Map(Object.entries(good));
      if (where === own && value === undefined) members.delete(field);
      if (where === own && value !== undefined) members.set(field, value);
      return objectOf([...members]);
    };
    const detail = fields("detail", {
      id: JSON.stringify(id),
      event_type: JSON.stringify(type),
      occurred_at: '"2026-11-23T09:59:59.000Z"',
      oauth_client_id: '"app"',
      event_data: data,
    });
    return fields("bus", {
      source: JSON.stringify(EVENT_SOURCE),
      "detail-type": JSON.stringify(detailType(type)),
      detail,
    });
  });

const message = fc.oneof(
  { weight: 1, arbitrary: text },
  { weight: 1, arbitrary: json },
  { weight: 6, arbitrary: nearlyGood },
);

describe("a hostile message", () => {
  it("is stored or refused with a reason, without its secrets, and holds no other back", {
    timeout: 300_000,
  }, async () => {
    const world = await createWorld();
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 12 }), async (bodies) => {
        const parsed = bodies.map(parseBusMessage);
        const events = parsed.flatMap((each) => ("event" in each ? [each.event] : []));
        for (const each of parsed) {
          if ("reason" in each) expect(each.reason).toMatch(/\S/);
          expect(JSON.stringify(each)).not.toContain(SECRET);
        }
        const good = createEvent({ eventType: "token_used", details: {} }, world.time.nowMs);
        const outcome = await storeEvents(world, [...events, good], world);
        expect(outcome.retry).toEqual([]);
        expect(outcome.stored.map(({ id }) => id)).toContain(good.id);
        for (const { reason } of outcome.rejected) expect(reason).not.toContain(SECRET);
        const settled = [...outcome.stored, ...outcome.duplicates].length + outcome.rejected.length;
        expect(settled).toBe(new Set(events.map(({ id }) => id)).size + 1);
      }),
      { numRuns: RUNS },
    );
  });
});
