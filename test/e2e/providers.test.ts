import { createHmac } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { synthesize } from "../../infra/synthesize.ts";
import { queueNamed } from "../../local/services/queues.ts";
import { signWebhook } from "../../shared/response/standard-webhook.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { ENDPOINT_KEYS, ENDPOINT_SECRETS, ENDPOINTS } from "../provider-endpoints.ts";
import {
  AUTH0_BUS,
  auth0Sample,
  cognitoSample,
  entraSignIn,
  keycloakSample,
  OKTA_BUS,
  oktaSample,
  pingSample,
  type Sample,
} from "../provider-samples.ts";
import { useStack } from "./stack.ts";

const ACME = {
  name: "acme",
  fields: { code: "$.event", id: "$.id", occurredAt: "$.at", ip: "$.from" },
  types: { "login.failed": "auth_failed" },
};

const acmeSample: Sample = {
  source: "oauth.acme",
  detailType: "Acme event",
  bus: "own",
  detail: { event: "login.failed", id: "a-1", at: "2026-11-23T10:00:00Z", from: "192.0.2.77" },
};

const getSecret = (name: string) =>
  `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-AbCdEf`;

const scene = useStack({
  secrets: new Map([...ENDPOINT_SECRETS, [getSecret("auth0"), "hunter2"]]),
  assembly: () =>
    synthesize(mkdtempSync(join(tmpdir(), "oauth-monitoring-providers-")), {
      removalPolicy: "destroy",
      providers: {
        partnerEventBuses: [AUTH0_BUS, OKTA_BUS],
        cognito: true,
        mappings: [ACME],
        endpoints: [
          ...ENDPOINTS,
          // One endpoint's secret does not exist, and the other endpoint's secret is too weak.
          { provider: "acme", authentication: { kind: "bearer", secretArn: getSecret("acme") } },
          { provider: "auth0", authentication: { kind: "bearer", secretArn: getSecret("auth0") } },
        ],
      },
    }),
});

describe("stack that receives events from identity providers", () => {
  it("stores an event from each provider once", async () => {
    const { stack, get, admin, settle } = scene();
    const bus = new EventBridgeClient({ ...LOCAL_ACCESS, endpoint: stack.eventbridgeEndpoint });
    const samples = [
      auth0Sample("fp"),
      oktaSample("user.session.start", "FAILURE"),
      keycloakSample("LOGIN_ERROR"),
      cognitoSample("InitiateAuth", { errorCode: "NotAuthorizedException" }),
      entraSignIn("SignInLogs", 50126),
      pingSample("PASSWORD.CHECK_FAILED", "FAILED"),
      acmeSample,
      // An event with an unknown shape.
      { ...auth0Sample("s"), detail: { "": [1e300], deep: "" } },
    ];
    for (let delivery = 0; delivery < 2; delivery += 1) {
      const { FailedEntryCount } = await bus.send(
        new PutEventsCommand({
          Entries: samples.map(({ bus: arrives, source, detailType, detail }) => ({
            ...(arrives === "own" && { EventBusName: stack.eventBus.name }),
            ...(arrives === "partner" && { EventBusName: source }),
            Source: source,
            DetailType: detailType,
            Detail: JSON.stringify(detail),
          })),
        }),
      );
      expect(FailedEntryCount).toBe(0);
    }
    await settle();
    const { body } = await get(
      "/admin/oauth/events?type=auth_failed&from=2026-11-23T09:00:00Z&to=2026-11-23T11:00:00Z",
      admin,
    );
    const providers = body.events.map(
      (event: { event_data: { provider: string } }) => event.event_data.provider,
    );
    expect(providers.sort()).toEqual([
      "acme",
      "auth0",
      "cognito",
      "entra",
      "keycloak",
      "okta",
      "ping",
    ]);
    const stats = await get(
      "/admin/oauth/stats?from=2026-11-23T09:00:00Z&to=2026-11-23T11:00:00Z",
      admin,
    );
    expect(stats.body.events.by_type.auth_failed).toBe(7);
    const unknown = await get("/admin/oauth/events?type=auth0_unknown", admin);
    // EventBridge gives each delivery a new ID, and this event has no ID.
    expect(unknown.body.events).toHaveLength(2);
    expect(unknown.body.events[0].event_data.original).toEqual({ "()": ["1e+300"], deep: "" });
  });
});

describe("batch that is published as a single event", () => {
  it("is stored as one event per record even when it is published several times", async () => {
    const { stack, settle, get, admin } = scene();
    const bus = new EventBridgeClient({ ...LOCAL_ACCESS, endpoint: stack.eventbridgeEndpoint });
    const { detail } = entraSignIn("SignInLogs", 50126);
    const records = Array.from({ length: 12 }, (_, n) => ({
      ...detail,
      properties: { ...(detail.properties as object), id: `whole-${n}`, userId: "katherine" },
    }));
    for (let delivery = 0; delivery < 2; delivery += 1) {
      await bus.send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: stack.eventBus.name,
              Source: "oauth.entra",
              DetailType: "batch",
              Detail: JSON.stringify({ records }),
            },
          ],
        }),
      );
      await settle();
    }
    const { body } = await get(
      "/admin/oauth/events?user_id=katherine&from=2026-11-01T00:00:00Z",
      admin,
    );
    expect(body.events).toHaveLength(12);
    expect(
      new Set(body.events.map(({ event_type }: { event_type: string }) => event_type)),
    ).toEqual(new Set(["auth_failed"]));
  });
});

describe("provider endpoint", () => {
  const [key, nextKey] = ENDPOINT_KEYS.entra;
  const json = { "content-type": "application/json" };

  function post(provider: string, headers: Record<string, string | string[]>, body: string) {
    return scene().send("POST", `/providers/${provider}/events`, { ...json, ...headers }, body);
  }

  /** Returns a request from Entra ID, signed now or at another time. */
  function signed(body: string, { secrets = [key] as string[], ageSeconds = 0 } = {}) {
    const sentAtSeconds = Math.floor(Date.now() / 1000) - ageSeconds;
    return { ...signWebhook(secrets, { id: "msg_1", sentAtSeconds, body }) };
  }

  const postSigned = (body: string, options?: Parameters<typeof signed>[1]) =>
    post("entra", signed(body, options), body);

  /** Returns sign-ins for a user who has no other events. */
  const signIns = (user: string, count: number) =>
    Array.from({ length: count }, (_, n) => {
      const { detail } = entraSignIn("SignInLogs", 50126);
      const properties = { ...(detail.properties as object), id: `${user}-${n}`, userId: user };
      return { ...detail, properties };
    });

  async function getEvents(user: string) {
    await scene().settle();
    const query = `user_id=${user}&from=2026-11-01T00:00:00Z&limit=100`;
    return (await scene().get(`/admin/oauth/events?${query}`, scene().admin)).body.events;
  }

  it("stores each record once when a batch arrives several times", async () => {
    const body = JSON.stringify({ records: signIns("grace", 25) });
    const headers = signed(body);
    for (let delivery = 0; delivery < 2; delivery += 1) {
      const { status, body: answer } = await post("entra", headers, body);
      expect({ status, answer }).toEqual({ status: 200, answer: { accepted: 25 } });
    }
    // Signs the records again, one by one.
    for (const record of signIns("grace", 2)) {
      expect((await postSigned(JSON.stringify(record))).status).toBe(200);
    }
    const events = await getEvents("grace");
    expect(events).toHaveLength(25);
    expect(events[0]).toMatchObject({
      event_type: "auth_failed",
      event_data: { provider: "entra", reason: "wrong_password" },
    });
  });

  it("stores a replayed request without IDs once, identified by its records", async () => {
    const body = JSON.stringify([
      { category: "Odd", properties: { userId: "joan", n: 1 } },
      { category: "Odd", properties: { userId: "joan", n: 2 } },
    ]);
    const headers = signed(body);
    for (let delivery = 0; delivery < 3; delivery += 1) await post("entra", headers, body);
    expect(await getEvents("joan")).toHaveLength(2);
  });

  it("stores a replayed request once when it has no IDs, no times and no signed timestamp", async () => {
    const body = JSON.stringify([{ actors: { user: { id: "edith" } }, action: { type: "ODD" } }]);
    for (let delivery = 0; delivery < 3; delivery += 1) {
      const { body: answer } = await post("ping", { "x-ping-key": ENDPOINT_KEYS.ping }, body);
      expect(answer).toEqual({ accepted: 1 });
    }
    expect(await getEvents("edith")).toHaveLength(1);
  });

  it("rejects an unsigned request without parsing it", async () => {
    const { busTraffic } = scene();
    await scene().settle();
    const before = busTraffic.length;
    const body = JSON.stringify({ records: signIns("mallory", 1) });
    const stranger = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
    const good = signed(body);
    const twice = String(good["webhook-signature"]);
    const rejected = [
      await post("entra", {}, body),
      await postSigned(body, { secrets: [stranger] }),
      await postSigned(body, { ageSeconds: 400 }),
      await postSigned(body, { ageSeconds: -400 }),
      await post("entra", good, body.slice(0, -1)),
      await post("entra", good, `${body} `),
      await post("entra", { ...good, "webhook-signature": [twice, twice] }, body),
      await post("entra", {}, "no JSON"),
      await post("keycloak", { "x-keycloak-signature": "0".repeat(64) }, body),
      await post("okta", { authorization: `${ENDPOINT_KEYS.okta}0` }, body),
      await post("ping", { authorization: ENDPOINT_KEYS.ping }, body),
    ];
    for (const { status, headers, text } of rejected) {
      expect(status, text).toBe(401);
      expect(headers["content-type"]).toBe("application/problem+json");
      expect(JSON.stringify(headers)).toMatch(/(Signature|Bearer) realm=/);
    }
    expect((await post("cognito", good, body)).status).toBe(404);
    expect((await post("constructor", good, body)).status).toBe(404);
    await scene().settle();
    expect(busTraffic.length).toBe(before);
  });

  it("accepts both the old and the new key during a rotation", async () => {
    const body = JSON.stringify(signIns("radia", 1)[0]);
    for (const secrets of [[key], [nextKey], [nextKey, key]]) {
      expect((await postSigned(body, { secrets })).status).toBe(200);
    }
    expect(await getEvents("radia")).toHaveLength(1);
  });

  it("accepts Keycloak's signature, Okta's secret and PingOne's secret", async () => {
    const keycloak = JSON.stringify({
      uid: "kc-1",
      time: Date.parse("2026-11-23T10:00:00Z"),
      type: "access.LOGIN",
      authDetails: { userId: "barbara", clientId: "console", ipAddress: "203.0.113.8" },
    });
    const digest = createHmac("sha256", ENDPOINT_KEYS.keycloak).update(keycloak).digest("hex");
    const answers = [
      await post("keycloak", { "x-keycloak-signature": digest }, keycloak),
      await post(
        "okta",
        { authorization: ENDPOINT_KEYS.okta },
        JSON.stringify({
          eventType: "com.okta.event_hook",
          data: {
            events: ["SUCCESS", "FAILURE"].map((result) => ({
              ...oktaSample("user.session.start", result).detail,
              uuid: `hook-${result}`,
              actor: { id: "barbara", type: "User" },
            })),
          },
        }),
      ),
      await post(
        "ping",
        { "x-ping-key": ENDPOINT_KEYS.ping },
        JSON.stringify([
          {
            ...pingSample("PASSWORD.CHECK_FAILED", "FAILED").detail,
            actors: { user: { id: "barbara" } },
          },
        ]),
      ),
    ];
    expect(answers.map(({ body }) => body)).toEqual([
      { accepted: 1 },
      { accepted: 2 },
      { accepted: 1 },
    ]);
    const events = (await getEvents("barbara")) as { event_data: { provider: string } }[];
    expect(events.map(({ event_data }) => event_data.provider).sort()).toEqual([
      "keycloak",
      "okta",
      "okta",
      "ping",
    ]);
  });

  it("answers Okta's verification request if the secret is correct", async () => {
    const verify = (provider: string, headers: Record<string, string>) =>
      scene().send("GET", `/providers/${provider}/events`, headers);
    const challenge = { "x-okta-verification-challenge": "Me_rShK8JHsTnbyYrWXCEoMGbM" };
    const authorization = ENDPOINT_KEYS.okta;
    const { status, body } = await verify("okta", { ...challenge, authorization });
    expect({ status, body }).toEqual({
      status: 200,
      body: { verification: challenge["x-okta-verification-challenge"] },
    });
    expect((await verify("okta", challenge)).status).toBe(401);
    expect((await verify("okta", { authorization })).status).toBe(400);
    expect((await verify("ping", { ...challenge, "x-ping-key": ENDPOINT_KEYS.ping })).status).toBe(
      404,
    );
  });

  it("lists the lines that it cannot parse, and rejects a body with no valid line", async () => {
    const [record] = signIns("hedy", 1);
    const lines = await postSigned(`${JSON.stringify(record)}\nno JSON\n`);
    expect(lines).toMatchObject({ status: 200, body: { accepted: 1, rejected_lines: [2] } });
    expect(await postSigned("no JSON")).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining("neither JSON nor JSON Lines") },
    });
    expect(await postSigned("")).toMatchObject({ status: 400 });
    const many = JSON.stringify(Array.from({ length: 2001 }, () => 1));
    expect(await postSigned(many)).toMatchObject({
      status: 413,
      body: { detail: expect.stringContaining("Send at most 2000") },
    });
    expect(await getEvents("hedy")).toHaveLength(1);
  });

  it("accepts 4 MB, and rejects a larger body before it checks the signature", async () => {
    const mebibyte = "x".repeat(1024 * 1024);
    const [record] = signIns("jean", 1);
    expect((await postSigned(JSON.stringify({ ...record, mebibyte }))).status).toBe(200);
    const [event] = await getEvents("jean");
    expect(event.event_data.original_cut).toContain("SignInLogs");
    const tooLarge = { status: 413, headers: { "content-type": "application/problem+json" } };
    expect(await post("entra", {}, mebibyte.repeat(5))).toMatchObject(tooLarge);
    // API Gateway's own limit is 10 MB. It answers before it has read the body, so the connection cannot be reused.
    const beyond = await post("entra", { connection: "close" }, mebibyte.repeat(11));
    expect(beyond).toMatchObject({ status: 413 });
  });

  it("accepts a body that API Gateway encoded as base64", async () => {
    const { stack } = scene();
    const body = JSON.stringify(signIns("évariste", 1)[0]);
    const invoke = (event: object) =>
      stack.functions.invoke(stack.named("function", "ProviderEndpoint"), {
        httpMethod: "POST",
        pathParameters: { provider: "entra" },
        headers: signed(body),
        requestContext: { requestId: "r" },
        ...event,
      });
    const base64 = Buffer.from(body).toString("base64");
    expect(await invoke({ body: base64, isBase64Encoded: true })).toMatchObject({
      statusCode: 200,
      body: '{"accepted":1}',
    });
    expect(await invoke({ body: base64, isBase64Encoded: false })).toMatchObject({
      statusCode: 401,
    });
    expect(await getEvents(encodeURIComponent("évariste"))).toHaveLength(1);
  });

  it("returns 503 until the bus has accepted every record, and loses no record", async () => {
    const { stack } = scene();
    const { eventBus } = stack;
    const body = JSON.stringify({ records: signIns("ida", 12) });
    const headers = signed(body);
    const put = eventBus.put.bind(eventBus);
    // One of the twelve entries, which need two calls.
    eventBus.put = (entry) =>
      entry.Detail?.includes("ida-7")
        ? { ErrorCode: "InternalFailure", ErrorMessage: "not this one" }
        : put(entry);
    const rejected = await post("entra", headers, body);
    eventBus.put = put;
    expect(rejected).toMatchObject({ status: 503, headers: { "retry-after": "30" } });
    expect(rejected.body.detail).toBe(
      "Some records could not be accepted. Send the whole request again.",
    );
    expect((await post("entra", headers, body)).body).toEqual({ accepted: 12 });
    expect(await getEvents("ida")).toHaveLength(12);
  });

  it("returns 503 while its secret is unreadable or invalid", async () => {
    for (const provider of ["acme", "auth0"]) {
      const { status, body } = await post(provider, { authorization: "hunter2" }, "{}");
      expect(status).toBe(503);
      expect(body.detail).toBe("The request cannot be authenticated now. Send it again.");
    }
    expect(scene().logs.join("\n")).toContain("each a key of at least 16 characters");
  });

  it("stores or rejects any correctly signed body without failing", async () => {
    const authorization = ENDPOINT_KEYS.okta;
    const body = fc.oneof(
      fc.json(),
      fc.string({ unit: "binary" }),
      fc.jsonValue().map((value) => JSON.stringify({ data: { events: [value, { uuid: value }] } })),
      fc.constantFrom('{"__proto__":1}', "[[[[]]]]", "\ufeff{}", '{"data":{"events":{}}}', "nul"),
      fc.constant(`${"[".repeat(50_000)}${"]".repeat(50_000)}`),
    );
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        const { status } = await post("okta", { authorization }, text);
        expect([200, 400]).toContain(status);
      }),
      { numRuns: 60 },
    );
    await scene().settle();
    const { stack } = scene();
    expect(queueNamed(stack.queues, stack.named("queue", "DeadLetters")).messages).toEqual([]);
  });

  it("keeps no secret in a table, an event, a log line or a response", async () => {
    const { busTraffic, logs, storeText } = scene();
    const [record] = signIns("anita", 1);
    const secrets = [...Object.values(ENDPOINT_KEYS).flat(), "hunter2"];
    const body = JSON.stringify({ ...record, authorization: ENDPOINT_KEYS.okta });
    const answers = [
      await postSigned(body),
      await post("okta", { authorization: ENDPOINT_KEYS.okta }, "no JSON"),
      await post("ping", { authorization: ENDPOINT_KEYS.ping }, body),
      await post("ping", { "x-ping-key": `${ENDPOINT_KEYS.ping} ` }, "{}"),
    ];
    await scene().settle();
    const everything = [await storeText(), ...busTraffic, ...logs, JSON.stringify(answers)].join(
      "\n",
    );
    expect(await getEvents("anita")).toHaveLength(1);
    for (const secret of secrets) expect(everything).not.toContain(secret);
  });
});
