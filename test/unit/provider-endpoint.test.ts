import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { DAY_MS } from "../../shared/core/clock.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { authenticateRequest } from "../../shared/integrations/provider-endpoint/authenticate-request.ts";
import {
  parseRecords,
  receiveRecords,
} from "../../shared/integrations/provider-endpoint/receive-records.ts";
import { auth0 } from "../../shared/integrations/providers/auth0.ts";
import { entra } from "../../shared/integrations/providers/entra.ts";
import { keycloak } from "../../shared/integrations/providers/keycloak.ts";
import { okta } from "../../shared/integrations/providers/okta.ts";
import { ping } from "../../shared/integrations/providers/ping.ts";
import { MAX_RECORDS, recordsIn } from "../../shared/integrations/providers/provider-adapter.ts";
import { signWebhook } from "../../shared/response/standard-webhook.ts";
import { HOSTILE_TEXTS } from "../hostile-values.ts";
import {
  auth0Sample,
  entraSignIn,
  keycloakSample,
  oktaSample,
  pingSample,
} from "../provider-samples.ts";

const secretArn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:webhook-AbCdEf";

/** Returns an endpoint's authentication settings, including defaults. */
function authentication(given: object) {
  const { endpoints } = parseMonitoringConfig({
    providers: {
      endpoints: [{ provider: "keycloak", authentication: { secretArn, ...given } as never }],
    },
  }).providers;
  return (endpoints[0] as (typeof endpoints)[number]).authentication;
}

const request = (headers: Record<string, string>, body: string | Uint8Array = "") => ({
  header: (name: string) => headers[name],
  body: Buffer.from(body as string),
});

/** Test message from the Standard Webhooks libraries. */
const EXAMPLE = {
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  headers: {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  },
  body: '{"test": 2432232314}',
  atMs: 1614265330_000,
};

describe("Standard Webhooks signature", () => {
  const standard = authentication({ kind: "signature" });
  const check = (
    headers: Record<string, string>,
    { body = EXAMPLE.body, atMs = EXAMPLE.atMs, secret = EXAMPLE.secret } = {},
  ) => authenticateRequest(standard, secret, request(headers, body), atMs);

  it("is valid for the published example", () => {
    expect(check(EXAMPLE.headers)).toEqual({ signedAtMs: EXAMPLE.atMs });
  });

  it("is found among signatures with other versions and keys", () => {
    const other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    const all = `${other} v2,abc v1a,def ${EXAMPLE.headers["webhook-signature"]} ${other}`;
    expect(check({ ...EXAMPLE.headers, "webhook-signature": all })).toEqual({
      signedAtMs: EXAMPLE.atMs,
    });
  });

  it("is valid with either key during a rotation but not with a third key", () => {
    const createKey = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString("base64")}`;
    const secret = `${createKey(1)}\n  ${createKey(2)}\n`;
    const signed = (byte: number) =>
      signWebhook([createKey(byte)], { id: "1", sentAtSeconds: 1614265330, body: EXAMPLE.body });
    expect(check(signed(1), { secret })).toHaveProperty("signedAtMs");
    expect(check(signed(2), { secret })).toHaveProperty("signedAtMs");
    expect(check(signed(3), { secret })).toEqual({
      rejection: "no signature in webhook-signature is valid",
    });
  });

  it("is valid only when the timestamp is within the tolerance, in either direction", () => {
    for (const seconds of [300, -300]) {
      expect(check(EXAMPLE.headers, { atMs: EXAMPLE.atMs + seconds * 1000 })).toHaveProperty(
        "signedAtMs",
      );
    }
    for (const seconds of [301, -301]) {
      expect(check(EXAMPLE.headers, { atMs: EXAMPLE.atMs + seconds * 1000 })).toEqual({
        rejection: "webhook-timestamp differs from the server's time by more than 300 seconds",
      });
    }
  });

  it("is valid only for the signed body, ID and timestamp", () => {
    const { headers } = EXAMPLE;
    for (const rejected of [
      check(headers, { body: '{"test": 2432232315}' }),
      check(headers, { body: EXAMPLE.body.slice(0, -1) }),
      check(headers, { body: "" }),
      check({ ...headers, "webhook-id": "msg_other" }),
      check({ ...headers, "webhook-timestamp": "1614265331" }),
      check({ ...headers, "webhook-signature": headers["webhook-signature"].slice(0, 20) }),
      check({ ...headers, "webhook-signature": "v1," }),
      check({ ...headers, "webhook-signature": headers["webhook-signature"].slice(3) }),
    ]) {
      expect(rejected).toEqual({ rejection: "no signature in webhook-signature is valid" });
    }
  });

  it("requires all three headers", () => {
    for (const name of Object.keys(EXAMPLE.headers)) {
      const { [name]: _, ...others } = EXAMPLE.headers as Record<string, string>;
      expect(check(others)).toEqual({
        rejection:
          "webhook-id, webhook-timestamp and webhook-signature are required, each exactly once",
      });
    }
    expect(check({ ...EXAMPLE.headers, "webhook-timestamp": "hello" })).toEqual({
      rejection: "webhook-timestamp is not in epoch seconds",
    });
  });

  it("is rejected without throwing for arbitrary headers", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...HOSTILE_TEXTS));
    fc.assert(
      fc.property(text, text, text, (id, timestamp, signature) => {
        const verdict = check({
          "webhook-id": id,
          "webhook-timestamp": timestamp,
          "webhook-signature": `v1,${signature}`,
        });
        expect(verdict).toHaveProperty("rejection");
      }),
    );
  });
});

describe("body signature", () => {
  const keycloakKey = "a-shared-secret-of-keycloak";
  const event = JSON.stringify({ uid: "1a4f38f0", type: "access.LOGIN", time: 1707232563322 });
  const hex = (key: string, text = event) => createHmac("sha256", key).update(text).digest("hex");
  const byDefault = authentication({ kind: "body_signature" });
  const check = (given: string, { body = event, secret = keycloakKey } = {}) =>
    authenticateRequest(
      byDefault,
      secret,
      request({ "x-keycloak-signature": given }, body),
      Date.now(),
    );

  it("is read as hex from X-Keycloak-Signature, the format of Phase Two's extension", () => {
    // Created with `openssl dgst -sha256 -hmac` using the same text and key.
    const body = '{"type":"access.LOGIN"}';
    const signature = "3ac61c91f87ea943564b47d004e132aaeda8090d27ca57c9f15c15245a4a3edd";
    expect(check(signature, { body })).toEqual({});
  });

  it("can be in upper case and can follow sha256=", () => {
    expect(check(hex(keycloakKey).toUpperCase())).toEqual({});
    expect(check(`sha256=${hex(keycloakKey)}`)).toEqual({});
  });

  it("is valid with either key during a rotation", () => {
    const secret = `the-key-of-tomorrow\n${keycloakKey}`;
    expect(check(hex(keycloakKey), { secret })).toEqual({});
    expect(check(hex("the-key-of-tomorrow"), { secret })).toEqual({});
  });

  it("is rejected when it is wrong, missing, truncated or for a different body", () => {
    const rejected = { rejection: "the header x-keycloak-signature is wrong" };
    expect(check(hex("another-key-of-keycloak"))).toEqual(rejected);
    expect(check(hex(keycloakKey).slice(0, 40))).toEqual(rejected);
    expect(check("")).toEqual(rejected);
    expect(check(hex(keycloakKey), { body: event.slice(0, -1) })).toEqual(rejected);
    expect(authenticateRequest(byDefault, keycloakKey, request({}, event), 0)).toEqual({
      rejection: "the header x-keycloak-signature is missing or repeated",
    });
  });

  it("covers the raw bytes of the body instead of the decoded text", () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0x7d]);
    const digest = createHmac("sha256", keycloakKey).update(bytes).digest("hex");
    const own = authentication({ kind: "body_signature", header: "x-signature" });
    const verdict = authenticateRequest(
      own,
      keycloakKey,
      request({ "x-signature": digest }, bytes),
      0,
    );
    expect(verdict).toEqual({});
  });
});

describe("shared secret", () => {
  const bearer = authentication({ kind: "bearer" });
  const key = "Bearer 7f1c0d2e4b5a69788f9e";
  const check = (headers: Record<string, string>, secret = key, given = bearer) =>
    authenticateRequest(given, secret, request(headers, "{}"), 0);

  it("must equal the whole header value", () => {
    expect(check({ authorization: key })).toEqual({});
    for (const wrong of [key.slice(7), key.slice(0, -1), `${key}0`, "", key.toLowerCase()]) {
      expect(check({ authorization: wrong })).toEqual({
        rejection: "the header authorization is wrong",
      });
    }
    expect(check({})).toEqual({ rejection: "the header authorization is missing or repeated" });
  });

  it("can be in a custom header and can be one of several secrets", () => {
    const own = authentication({ kind: "bearer", header: "x-api-key" });
    const keys = "the-key-of-tomorrow\nthe-key-of-today-1";
    expect(check({ "x-api-key": "the-key-of-tomorrow" }, keys, own)).toEqual({});
    expect(check({ "x-api-key": "the-key-of-today-1" }, keys, own)).toEqual({});
    expect(check({ authorization: "the-key-of-today-1" }, keys, own)).toHaveProperty("rejection");
    expect(check({ "x-api-key": keys }, keys, own)).toHaveProperty("rejection");
  });
});

describe("endpoint secret", () => {
  it.each([
    ["nothing", " \n "],
    ["a weak key", "hunter2"],
    ["a short and a long key", `${"k".repeat(32)}\nshort`],
    ["six keys", Array.from({ length: 6 }, (_, n) => `key-number-${n}-of-six`).join("\n")],
  ])("is rejected with %s and never repeated in the error", (_, secret) => {
    const check = () =>
      authenticateRequest(
        authentication({ kind: "bearer" }),
        secret,
        request({ authorization: secret }),
        0,
      );
    expect(check).toThrow(/1 to 5 lines, each a key of at least 16 characters/);
    expect(check).not.toThrow(/hunter2|key-number|short$/);
  });

  it("must have the Standard Webhooks format when it signs requests", () => {
    const check = () =>
      authenticateRequest(
        authentication({ kind: "signature" }),
        "not-a-webhook-secret-at-all",
        request(EXAMPLE.headers, EXAMPLE.body),
        EXAMPLE.atMs,
      );
    expect(check).toThrow(/whsec_ followed by 24 to 64 bytes in base64/);
    expect(check).not.toThrow(/not-a-webhook/);
  });
});

describe("recordsOfBody", () => {
  const read = (adapter: Parameters<typeof recordsIn>[0], body: string) =>
    parseRecords(Buffer.from(body), (value) => recordsIn(adapter, value));
  const [first, second] = [{ n: 1 }, { n: 2 }];

  it("returns the records of event hub batches", () => {
    const batch = { records: [first, second] };
    expect(read(entra, JSON.stringify(batch)).records).toEqual([first, second]);
    expect(read(entra, JSON.stringify([batch, { records: [] }, batch])).records).toHaveLength(4);
    expect(read(entra, JSON.stringify(first)).records).toEqual([first]);
    expect(read(entra, '{"records":[]}').records).toEqual([]);
    expect(read(entra, '{"records":"none"}').records).toEqual([{ records: "none" }]);
  });

  it("returns the elements of a PingOne array", () => {
    expect(read(ping, JSON.stringify([first, second])).records).toEqual([first, second]);
  });

  it("returns the events of an Okta event hook", () => {
    const hook = { eventType: "com.okta.event_hook", data: { events: [first, second] } };
    expect(read(okta, JSON.stringify(hook)).records).toEqual([first, second]);
  });

  it("returns Auth0 logs from an array, lines or an object", () => {
    const logs = [first, second];
    for (const body of [
      JSON.stringify(logs),
      `${JSON.stringify(first)}\n${JSON.stringify(second)}\n`,
      `${JSON.stringify(first)}\r\n\r\n${JSON.stringify(second)}`,
      JSON.stringify({ logs }),
    ]) {
      expect(read(auth0, body)).toEqual({ records: logs, rejectedLines: [] });
    }
  });

  it("keeps readable lines and reports the line numbers of unreadable ones", () => {
    const body = '{"n":1}\nnot json\n\n{"n":2\n5\n{"n":2}';
    expect(read(keycloak, body)).toEqual({ records: [first, second], rejectedLines: [2, 4, 5] });
  });

  it.each(["", "\n", "not json", '{"n":1', '[{"n":1},{"n":2', "\u0000", "<xml/>"])(
    "rejects an unreadable body: %j",
    (body) => {
      expect(() => read(keycloak, body)).toThrow(/neither JSON nor JSON Lines/);
    },
  );

  it("limits the number of records", () => {
    const body = (count: number) => JSON.stringify(Array.from({ length: count }, () => first));
    expect(read(ping, body(MAX_RECORDS)).records).toHaveLength(MAX_RECORDS);
    expect(() => read(ping, body(MAX_RECORDS + 1))).toThrow(/2001 records\. Send at most 2000/);
  });
});

describe("receiveRecords", () => {
  const nowMs = Date.parse("2026-11-25T08:00:00.000Z");
  const config = parseMonitoringConfig({});

  /** Remembers when each event was first received, like the store. */
  function receipts() {
    const first = new Map<string, string>();
    return async ({ id, occurred_at }: OAuthEvent) => {
      if (!first.has(id)) first.set(id, occurred_at);
      return first.get(id) as string;
    };
  }

  /** Receives records. Returns the published events, the batch sizes and the result. */
  async function receive(
    adapter: Parameters<typeof recordsIn>[0],
    records: readonly unknown[],
    {
      signedAtMs,
      atMs = nowMs,
      firstReceipt = receipts(),
    }: { signedAtMs?: number; atMs?: number; firstReceipt?: ReturnType<typeof receipts> } = {},
  ) {
    const events: OAuthEvent[] = [];
    const sizes: number[] = [];
    const sink = {
      publish: async (batch: readonly OAuthEvent[]) => {
        sizes.push(batch.length);
        events.push(...batch);
      },
    };
    const receiver = { adapter, config, sink, firstReceipt, clock: () => atMs };
    const receipt = await receiveRecords(receiver, records, signedAtMs);
    return { events, sizes, receipt };
  }

  const ids = ({ events }: { events: readonly OAuthEvent[] }) => events.map(({ id }) => id);

  it.each([
    [auth0, auth0Sample("fp").detail, "auth_failed"],
    [okta, oktaSample("user.session.start", "FAILURE").detail, "auth_failed"],
    [entra, entraSignIn("SignInLogs", 50126).detail, "auth_failed"],
    [keycloak, keycloakSample("LOGIN").detail, "session_started"],
    [ping, pingSample("PASSWORD.CHECK_FAILED", "FAILED").detail, "auth_failed"],
  ] as const)("converts a provider's records to events", async (adapter, detail, eventType) => {
    const [event] = (await receive(adapter, [detail])).events;
    expect(event).toMatchObject({
      event_type: eventType,
      occurred_at: expect.stringMatching(/^2026-11-23T10:00:00/),
      event_data: { provider: adapter.name, original: expect.anything() },
    });
  });

  it("creates the same events for repeated records, identified by ID or content", async () => {
    const records = [
      keycloakSample("LOGIN").detail,
      { time: "2026-11-25T07:59:00Z", category: "AuditLogs" },
      { operationName: "no id and no time" },
    ];
    const signed = { signedAtMs: nowMs - 1000 };
    const once = await receive(entra, records, signed);
    const repeated = await receive(entra, records, { ...signed, atMs: nowMs + 200_000 });
    expect(ids(repeated)).toEqual(ids(once));
    // The sort key in the events table contains the time.
    expect(repeated.events).toEqual(once.events);
    expect(new Set(ids(once)).size).toBe(records.length);
    const changed = await receive(entra, [{ ...records[1], category: "Other" }], signed);
    expect(ids(once)).not.toContain(ids(changed)[0]);
  });

  it("creates the same events for repeated records without a time, with or without a signature", async () => {
    const records = [
      { operationName: "no id and no time" },
      { id: "an id and no time", category: "AuditLogs" },
      { time: "2026-11-25T07:59:00Z", category: "AuditLogs" },
    ];
    for (const signed of [true, false]) {
      const firstReceipt = receipts();
      const at = (atMs: number) =>
        receive(entra, records, { firstReceipt, atMs, ...(signed && { signedAtMs: atMs - 1000 }) });
      const once = await at(nowMs);
      const repeated = await at(nowMs + 30 * DAY_MS);
      expect(once.receipt.published).toBe(records.length);
      expect(repeated.events).toEqual(once.events);
      expect((await at(nowMs + 90 * DAY_MS)).receipt).toEqual({ published: 0, expired: 3 });
    }
  });

  it("skips records that are older than the retention period", async () => {
    const at = (days: number) => ({ id: `${days}`, time: nowMs - days * DAY_MS, type: "LOGIN" });
    const { events, receipt } = await receive(keycloak, [at(1), at(89), at(90), at(400)]);
    expect(receipt).toEqual({ published: 2, expired: 2 });
    expect(events.map(({ event_data }) => event_data.provider_event_id)).toEqual(["1", "89"]);
  });

  it("publishes 100 events at a time and stops when EventBridge fails", async () => {
    const many = Array.from({ length: 250 }, (_, n) => ({ id: `${n}`, type: "LOGIN" }));
    expect((await receive(keycloak, many)).sizes).toEqual([100, 100, 50]);
    let calls = 0;
    const sink = {
      publish: async () => {
        calls += 1;
        throw new Error("the bus is down");
      },
    };
    const receiver = {
      adapter: keycloak,
      config,
      sink,
      firstReceipt: receipts(),
      clock: () => nowMs,
    };
    await expect(receiveRecords(receiver, many, undefined)).rejects.toThrow("the bus is down");
    expect(calls).toBe(1);
  });

  it("creates events that fit EventBridge for every kind of record", async () => {
    const deep = JSON.parse(`${"[".repeat(20_000)}${"]".repeat(20_000)}`) as unknown;
    const secrets = Array.from({ length: 5000 }, (_, n) => ({ code: `c${n}` }));
    const odd = [null, 5, "text", true, [], {}, deep, { a: "x".repeat(600_000) }, { secrets }];
    const { events } = await receive(entra, odd);
    expect(events.map(({ event_type }) => event_type)).toEqual(odd.map(() => "entra_unknown"));
    for (const event of events) {
      expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(200 * 1024);
    }
    expect(new Set(ids({ events })).size).toBe(odd.length);
  });

  it("accepts any JSON records and creates the same events when they are repeated", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 5 }), async (records) => {
        const signed = { signedAtMs: nowMs };
        const once = await receive(okta, records, signed);
        expect(once.events).toHaveLength(records.length);
        expect(ids(await receive(okta, structuredClone(records), signed))).toEqual(ids(once));
      }),
      { numRuns: 50 },
    );
  });
});

describe("Phase Two Keycloak webhooks", () => {
  const read = (detail: object) => keycloak.read({ source: "", "detail-type": "", id: "", detail });
  const authDetails = {
    realmId: "shop",
    clientId: "account-console",
    userId: "47c223f9",
    ipAddress: "203.0.113.8",
    username: "ada",
    sessionId: "d827ee85",
  };

  it("are parsed like Keycloak user events", () => {
    expect(
      read({
        time: 1707232563322,
        realmId: "d68b322b",
        uid: "1a4f38f0",
        authDetails,
        type: "access.LOGIN",
        details: { auth_method: "openid-connect", redirect_uri: "https://shop.example.com/" },
      }),
    ).toMatchObject({
      id: "1a4f38f0",
      code: "LOGIN",
      eventType: "session_started",
      outcome: "success",
      clientId: "account-console",
      userId: "47c223f9",
      sessionId: "d827ee85",
      ip: "203.0.113.8",
      endpoint: "https://shop.example.com/",
    });
    const failed = { uid: "2", type: "access.LOGIN_ERROR", error: "invalid_user_credentials" };
    expect(read({ ...failed, authDetails })).toMatchObject({
      eventType: "auth_failed",
      outcome: "failure",
      reason: "invalid_user_credentials",
    });
  });

  it("are parsed like Keycloak admin events", () => {
    expect(
      read({
        uid: "3",
        type: "admin.CLIENT-UPDATE",
        resourceType: "CLIENT",
        operationType: "UPDATE",
        resourcePath: "clients/1",
        representation: '{"secret":"hidden"}',
        authDetails,
      }),
    ).toMatchObject({
      id: "3",
      code: "admin.CLIENT.UPDATE",
      eventType: "admin_activity",
      userId: "47c223f9",
      original: { representation: { members: ["secret"] } },
    });
  });
});

describe("provider endpoint configuration", () => {
  const parse = (...endpoints: object[]) =>
    parseMonitoringConfig({
      providers: {
        endpoints: endpoints as never,
        mappings: [{ name: "acme", fields: { code: "$.event" } }],
      },
    });
  const signed = { kind: "signature", secretArn };

  it("accepts the known providers and mapped providers", () => {
    for (const provider of ["auth0", "entra", "keycloak", "okta", "ping", "acme"]) {
      expect(parse({ provider, authentication: signed }).providers.endpoints).toHaveLength(1);
    }
  });

  it.each([
    [
      "a provider that can't call an endpoint",
      [{ provider: "cognito", authentication: signed }],
      /Use one of auth0, .*acme/,
    ],
    [
      "a custom provider without a mapping",
      [{ provider: "other", authentication: signed }],
      /add a mapping/,
    ],
    [
      "the same provider twice",
      [1, 2].map(() => ({ provider: "okta", authentication: signed })),
      /endpoints\.1\.provider: the provider is listed twice/,
    ],
    ["no secret", [{ provider: "okta", authentication: { kind: "bearer" } }], /secretArn/],
    [
      "a secret instead of its ARN",
      [{ provider: "okta", authentication: { kind: "bearer", secretArn: "hunter2" } }],
      /the ARN of a secret/,
    ],
    [
      "a custom header for Standard Webhooks",
      [{ provider: "okta", authentication: { ...signed, header: "x-signature" } }],
      /Standard Webhooks defines its own headers/,
    ],
    [
      "a header in upper case",
      [{ provider: "okta", authentication: { kind: "bearer", secretArn, header: "X-Key" } }],
      /lower-case header name/,
    ],
    [
      "a tolerance of a day",
      [{ provider: "okta", authentication: { ...signed, toleranceSeconds: 86_400 } }],
      /toleranceSeconds/,
    ],
  ])("rejects %s", (_, endpoints, message) => {
    expect(() => parse(...endpoints)).toThrow(message);
  });
});
