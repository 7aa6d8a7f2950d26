import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { paginateScan } from "@aws-sdk/lib-dynamodb";
import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import fc from "fast-check";
import { v7 as uuidv7 } from "uuid";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createAwsEndpoint } from "../../local/services/aws-endpoint.ts";
import { findMessageRejection } from "../../local/services/input-rejection.ts";
import { Notifications } from "../../local/services/notifications.ts";
import { Queue } from "../../local/services/queue.ts";
import { isBatchItem, readBatchItems } from "../../shared/audit-log/batch-item.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import { DAY_MS } from "../../shared/core/clock.ts";
import { activity } from "../../shared/statistics/activity.ts";
import { tokenUsageStats } from "../../shared/statistics/token-usage-stats.ts";
import { writeConfigFile } from "../config-file.ts";
import { HOSTILE_INSTANTS, hostileJson, hostileText, SECRET } from "../hostile-values.ts";
import { createWorld, type World } from "./store.ts";

const RUNS = Number(process.env.HOSTILE_RUNS ?? 30);

let world: World;
let deadLetters: Queue;
let endpoint: Server;
let handler: (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>;
let logged: string[] = [];

beforeAll(async () => {
  world = await createWorld();
  deadLetters = new Queue({ name: "dead-letters", visibilityTimeoutMs: 1000 });
  endpoint = createAwsEndpoint(
    () => {
      throw new Error("none of these events is a batch");
    },
    () => new Map([["dead-letters", deadLetters]]),
    new Notifications(),
  );
  await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: world.endpoint,
    AWS_ENDPOINT_URL_SQS: url,
    EVENTS_TABLE: world.eventsTable,
    COUNTERS_TABLE: world.countersTable,
    ISSUANCES_TABLE: world.issuancesTable,
    CLIENTS_TABLE: world.clientsTable,
    EVENT_BUS_NAME: "bus",
    BUFFER_QUEUE_URL: `${url}/000000000000/buffer`,
    DEAD_LETTER_QUEUE_URL: `${url}/000000000000/dead-letters`,
    LAMBDA_TASK_ROOT: writeConfigFile(),
    OAUTH_MONITORING_STACK: "test",
  });
  ({ handler } = (await import("../../functions/subscriber/handler.ts")) as never);
});
afterAll(() => endpoint.close());

beforeEach(() => {
  logged = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((chunk) => {
      logged.push(...String(chunk).split("\n").filter(Boolean));
      return true;
    });
  }
});
afterEach(() => vi.restoreAllMocks());

const deliver = (bodies: readonly string[]) =>
  handler(
    { Records: bodies.map((body, n) => ({ messageId: `m-${n}`, body })) } as SQSEvent,
    {
      functionName: "subscriber",
      awsRequestId: "1",
      getRemainingTimeInMillis: () => 60_000,
    } as Context,
  );

/** Returns the stored events and the content of the batch items. */
async function storedEvents() {
  const events: Record<string, unknown>[] = [];
  const batchItems: Record<string, unknown>[] = [];
  for await (const page of paginateScan({ client: world.db }, { TableName: world.eventsTable })) {
    for (const item of page.Items ?? []) (isBatchItem(item) ? batchItems : events).push(item);
  }
  return { events, batched: [...(await readBatchItems(world, batchItems)).values()].flat() };
}

const envelope = (over: object = {}) => ({
  id: uuidv7(),
  event_type: "token_used",
  occurred_at: "2026-11-23T10:00:00.000Z",
  oauth_client_id: "app",
  event_data: {},
  ...over,
});
const message = (
  detail: { readonly event_type?: unknown } | null,
  source = "oauth.monitoring",
) => ({
  source,
  "detail-type": `oauth.${detail?.event_type}`,
  id: "1",
  time: "2026-11-23T10:00:00Z",
  detail,
});
const messageText = (over: object = {}) => JSON.stringify(message(envelope(over)));

/** Delivers the bodies together with a valid event. Returns why the invalid bodies were rejected. */
async function outcome(bodies: readonly string[]): Promise<string[]> {
  const before = (await storedEvents()).events.length;
  const answer = await deliver([...bodies.slice(0, 1), messageText(), ...bodies.slice(1)]);
  expect(answer.batchItemFailures, "messages to retry").toEqual([]);
  const letters = deadLetters.receive(1000);
  for (const { receiptHandle } of letters) deadLetters.delete(receiptHandle);
  const stored = (await storedEvents()).events.length - before;
  expect(stored + letters.length, "stored events and dead letters").toBe(bodies.length + 1);
  expect(stored, "stored events").toBeGreaterThan(0);
  const reasons = letters.map(({ attributes }) => attributes.reason?.StringValue ?? "");
  for (const reason of reasons) {
    expect(reason.length).toBeGreaterThan(0);
    expect(reason.length).toBeLessThanOrEqual(1024);
  }
  expect(reasons.join(), "no token in a reason").not.toContain(SECRET);
  return reasons;
}

const EVENT_TYPES = ["token_used", "auth_failed", "token_issued", "token_revoked", "constructor"];

const eventData = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.constantFrom(
          ...["ip", "reason", "token_id", "endpoint", "issued_at", "expires_at", "request_id"],
          ...["previous_use", "access_token", "code", "scopes", "provider", "constructor"],
        ),
        hostileText,
      ),
      fc.oneof(hostileJson, fc.constantFrom(...HOSTILE_INSTANTS), fc.constantFrom("t-1", "t-2")),
    ),
    { maxLength: 6 },
  )
  .map((entries) => Object.fromEntries(entries));

const detail = fc
  .tuple(
    fc.record(
      {
        event_type: fc.oneof(
          { weight: 4, arbitrary: fc.constantFrom(...EVENT_TYPES) },
          hostileText,
        ),
        occurred_at: fc.constantFrom(...HOSTILE_INSTANTS),
        oauth_client_id: fc.oneof(hostileText, hostileJson),
        user_id: hostileText,
        event_data: fc.oneof({ weight: 6, arbitrary: eventData }, hostileJson),
      },
      { requiredKeys: ["event_type", "event_data"] },
    ),
    fc.option(fc.tuple(hostileText, hostileJson), { freq: 6 }),
  )
  .map(([over, more]) => ({ ...envelope(over), ...(more && Object.fromEntries([more])) }));

const SOURCES = [
  "oauth.keycloak",
  "aws.partner/auth0.com/t/auth0.logs",
  "aws.partner/okta.com/t/1",
  "aws.cognito-idp",
  "oauth.entra",
  "oauth.ping",
];

const providerDetail = fc
  .tuple(hostileText, fc.array(fc.tuple(hostileText, hostileJson), { maxLength: 3 }), fc.nat())
  .map(([code, more, n]) => ({
    ...Object.fromEntries(more),
    ...{ id: `k-${n}`, time: 1.7e12, type: code, ipAddress: code, details: more },
    ...{ log_id: `a-${n}`, data: { type: code, date: "2026-11-23T10:00:00Z", client_id: code } },
    ...{ uuid: `o-${n}`, published: "2026-11-23T10:00:00Z", eventType: code },
    ...{ eventID: `c-${n}`, eventTime: "2026-11-23T10:00:00Z", eventName: code },
    ...{ category: "SignInLogs", properties: { id: `e-${n}`, userId: code, ipAddress: code } },
    ...{ action: { type: code }, result: { status: code }, recordedAt: code },
  }));

const body = fc.oneof(
  { weight: 6, arbitrary: detail.map((each) => JSON.stringify(message(each))) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(providerDetail, fc.constantFrom(...SOURCES))
      .map(([each, source]) => JSON.stringify(message(each as object, source))),
  },
  hostileJson.map((json) => JSON.stringify(json)),
  hostileText,
);

/** Whether SQS could deliver the body. It rejects characters that XML does not allow. */
const isDelivered = (MessageBody: string) => findMessageRejection({ MessageBody }) === undefined;

describe("hostile event", () => {
  it("is stored, or rejected with a reason, without blocking other events", {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(body, { minLength: 1, maxLength: 8 }), async (bodies) => {
        // A provider's event with a stored ID is a duplicate: neither stored nor rejected.
        const fresh = bodies.map((each, n) =>
          each.replace(/"([kaoce])-\d+"/g, `"$1-${uuidv7()}-${n}"`),
        );
        await outcome(fresh.filter(isDelivered));
      }),
      { numRuns: RUNS },
    );
    expect(logged).not.toEqual([]);
    for (const line of logged) expect(() => JSON.parse(line), line).not.toThrow();
    expect(logged.join("\n")).not.toContain(SECRET);
  });

  it.each<[string, object]>([
    ["with a type named like an Object.prototype member", { event_type: "constructor" }],
    [
      "with a key `constructor`",
      { event_data: { constructor: { name: "Set" }, a: [{ constructor: 1 }] } },
    ],
    ["with numbers above 2^53", { event_data: { ns: 1.7e18, big: 1.5e25 } }],
    [
      "with a reason that isn't a string",
      { event_type: "auth_failed", event_data: { reason: { toString: 1 }, token_id: "t" } },
    ],
    [
      "with the latest possible expiry",
      {
        event_type: "token_issued",
        event_data: { token_id: "forever", expires_at: "9999-12-31T23:59:59Z" },
      },
    ],
    ["with half a surrogate pair", { event_data: { "\ud800": "x\udc00" } }],
  ])("%s is stored", async (_, over) => {
    expect(await outcome([messageText(over)])).toEqual([]);
  });

  it("is rejected if it is deeply nested, or stored without the deepest levels if a provider sent it", async () => {
    for (const depth of [29, 1000, 10_000, 40_000]) {
      const nested = `${"[".repeat(depth)}${"]".repeat(depth)}`;
      const objects = `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
      for (const json of [nested, objects]) {
        const [reason] = await outcome([
          messageText({ event_data: { x: "NESTED" } }).replace('"NESTED"', json),
        ]);
        expect(reason).toMatch(/nested deeper than 28 levels\. Flatten it/);
      }
    }
    const deep = "[".repeat(60_000) + "]".repeat(60_000);
    for (const source of SOURCES) {
      const text = JSON.stringify(
        message(
          {
            id: "1",
            time: 1,
            type: "X",
            log_id: "1",
            data: { type: "s", date: "2026-11-23T10:00:00Z" },
            uuid: "1",
            published: "2026-11-23T10:00:00Z",
            eventType: "x",
            eventID: "1",
            eventTime: "2026-11-23T10:00:00Z",
            eventName: "X",
            details: { deep: "NESTED" },
          } as object,
          source,
        ),
      ).replace('"NESTED"', deep);
      expect(await outcome([text])).toEqual([]);
    }
  });

  it("from a provider is stored with any JSON content", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.oneof(hostileJson, providerDetail), fc.constantFrom(...SOURCES)), {
          minLength: 1,
          maxLength: 8,
        }),
        async (sent) => {
          const bodies = sent.map(([each, source], n) =>
            JSON.stringify({ ...message(each as object | null, source), id: uuidv7() }).replace(
              /"([kaoce])-\d+"/g,
              `"$1-${uuidv7()}-${n}"`,
            ),
          );
          expect(await outcome(bodies)).toEqual([]);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("at EventBridge's size limit is processed quickly", async () => {
    const long = (text: string) =>
      text.repeat(Math.floor(250_000 / (JSON.stringify(text).length - 2)));
    const texts = [
      "x",
      "é",
      ":",
      "a:",
      "1.",
      "%25",
      "oam_",
      `${SECRET} `,
      "\u0000",
      " ",
      "-",
      "_A",
      "\r",
    ];
    const cpuBefore = process.cpuUsage();
    for (const text of texts) {
      const bodies = ["ip", "reason", "note", "previous_use"].flatMap((key) => [
        messageText({ event_data: { token_id: "t", [key]: long(text) } }),
        messageText({
          event_type: "auth_failed",
          event_data: { token_id: "t", [key]: long(text).slice(0, 20_000) },
        }),
      ]);
      await outcome([
        ...bodies,
        messageText({ oauth_client_id: long(text), event_data: {} }),
        messageText({ event_type: long(text) }),
        messageText({
          event_data: { token_id: "t", ip: "9.9.9.9", previous_use: { at: "", ip: long(text) } },
        }),
        JSON.stringify(
          message(
            { id: uuidv7(), time: 1, type: long(text), ipAddress: long(text) } as object,
            SOURCES[0],
          ),
        ),
      ]);
    }
    const { user, system } = process.cpuUsage(cpuBefore);
    expect((user + system) / texts.length / 1000, "milliseconds per batch").toBeLessThan(1500);
  });

  it("never leaves a token in the store or the log, under any key", async () => {
    const opaque = "another-issuer's-opaque-token";
    await outcome([
      messageText({ event_data: { access_token: { deep: [{ value: opaque }] }, note: SECRET } }),
      messageText({ event_data: { Authorization: [`Bearer ${opaque}`], [SECRET]: SECRET } }),
      messageText({ oauth_client_id: SECRET, user_id: `user ${SECRET}` }),
      messageText({ [SECRET]: 1 }),
      messageText({ event_data: {} }).replace("oauth.token_used", SECRET),
      `{"detail": ${opaque} ${SECRET}`,
    ]);
    const text = JSON.stringify(await storedEvents()) + logged.join("\n");
    expect(text).not.toContain(opaque);
    expect(text).not.toContain(SECRET);
  });

  it("leaves the whole store readable", async () => {
    const filters = [{}, { type: "constructor" }, { clientId: "app" }, { clientId: "__proto__" }];
    for (const filter of [...filters, { security: true }]) {
      let cursor: string | undefined;
      do {
        const page = await queryEvents(world.context, { ...filter, limit: 1000, cursor });
        expect(() => JSON.stringify(page)).not.toThrow();
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined);
    }
    const nowMs = Date.parse("2026-11-24T00:00:00.000Z");
    const range = { fromMs: nowMs - 30 * DAY_MS, toMs: nowMs };
    const stats = await tokenUsageStats(world.context, range);
    expect(stats.total_tokens_issued).toBe(
      stats.active_tokens + stats.expired_tokens + stats.revoked_tokens,
    );
    expect(stats.active_tokens).toBeGreaterThan(0);
    expect(stats.events.by_type.constructor).toBeGreaterThan(0);
    expect((await activity(world.context, range)).failures.total).toBeGreaterThan(0);
  });
});
