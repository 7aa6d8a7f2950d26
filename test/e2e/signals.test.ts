import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueryCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { synthesize } from "../../infra/synthesize.ts";
import type { Assembly } from "../../local/services/template.ts";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { SIGNAL_METRIC_NAMES } from "../../shared/core/telemetry.ts";
import { issueToken } from "../../shared/index.ts";
import { SetVerifier } from "../../shared/integrations/shared-signals/set-verifier.ts";
import type { ActionRequest } from "../../shared/response/action.ts";
import { signWebhook } from "../../shared/response/standard-webhook.ts";
import { takeAction } from "../../shared/response/take-action.ts";
import {
  type SignalTransmitter,
  startSignalTransmitter,
  transmitterConfig,
} from "../signal-transmitter.ts";
import { useStack } from "./stack.ts";

const AUDIENCE = "https://sp.example.com";
const CAEP = "https://schemas.openid.net/secevent/caep/event-type/";
const getSecret = (name: string) =>
  `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-AbCdEf`;

const directory = mkdtempSync(join(tmpdir(), "signals-"));
let pushing: SignalTransmitter;
let polled: SignalTransmitter;
let assembly: Assembly;
let transmitting: Assembly;

/** The polled transmitter's stream: its SETs by `jti`, and the receiver's reports about them. */
const stream = {
  sets: new Map<string, string>(),
  acked: [] as string[],
  errors: {} as Record<string, { err: string }>,
  authorizations: new Set<string | undefined>(),
  server: undefined as Server | undefined,
};

async function startStream(): Promise<string> {
  stream.server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { maxEvents, ack = [], setErrs = {} } = JSON.parse(body);
    stream.authorizations.add(request.headers.authorization);
    stream.acked.push(...ack);
    Object.assign(stream.errors, setErrs);
    for (const jti of [...ack, ...Object.keys(setErrs)]) stream.sets.delete(jti);
    const sets = Object.fromEntries([...stream.sets].slice(0, maxEvents));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ sets, moreAvailable: stream.sets.size > maxEvents }));
  });
  await new Promise<void>((resolve) => stream.server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(stream.server.address() as AddressInfo).port}/poll`;
}

let endpoint = "";

/** The transmitting stack's webhook: the notices that it received, and how many more calls it will reject. */
const webhook = {
  notified: [] as { id: string; body: string; signature: string; timestamp: string }[],
  failures: 1,
  server: undefined as Server | undefined,
};
const webhookSecrets = new Map<string, string>();
const WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async function startWebhook(): Promise<void> {
  webhook.server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const header = (name: string) => String(request.headers[`webhook-${name}`]);
    const [signature, timestamp] = [header("signature"), header("timestamp")];
    webhook.notified.push({ id: header("id"), body, signature, timestamp });
    webhook.failures -= 1;
    response.writeHead(webhook.failures >= 0 ? 503 : 204).end();
  });
  await new Promise<void>((resolve) => webhook.server?.listen(0, "127.0.0.1", resolve));
  const { port } = webhook.server.address() as AddressInfo;
  const target = { url: `http://127.0.0.1:${port}/hook`, secret: WEBHOOK_SECRET };
  webhookSecrets.set(getSecret("siem"), JSON.stringify(target));
}

/** Configuration of the receiving stack. */
const receiving = (): MonitoringConfigInput => ({
  signals: {
    receiver: {
      transmitters: [
        {
          name: "idp",
          issuer: pushing.issuer,
          audiences: [AUDIENCE],
          pushAuthorizationSecretArn: getSecret("push"),
        },
        {
          name: "edr",
          issuer: polled.issuer,
          audiences: [AUDIENCE],
          subjects: { users: ["email"] },
          poll: { endpoint, authorizationSecretArn: getSecret("poll"), maxEvents: 2 },
        },
        {
          name: "other-stack",
          issuer: otherUrl(),
          audiences: [AUDIENCE],
          pushAuthorizationSecretArn: getSecret("other"),
          actions: { "session-revoked": "enforce", "account-disabled": "propose" },
        },
      ],
    },
  },
});

beforeAll(async () => {
  [pushing, polled] = await Promise.all([startSignalTransmitter(), startSignalTransmitter()]);
  endpoint = await startStream();
  await startWebhook();
  transmitting = synthesize(join(directory, "transmitting"), {
    signals: {
      transmitter: { audiences: { receiver: [AUDIENCE] }, signingKeys: ["First", "Second"] },
    },
    notifications: { webhooks: [{ name: "Siem", secretArn: getSecret("siem") }] },
  });
});
afterAll(async () => {
  stream.server?.closeAllConnections();
  stream.server?.close();
  webhook.server?.closeAllConnections();
  webhook.server?.close();
  await Promise.all([pushing?.close(), polled?.close()]);
  rmSync(directory, { recursive: true, force: true });
});

/** Starts a second stack, which transmits. */
const other = useStack({
  assembly: () => transmitting,
  visibilitySeconds: 1,
  secrets: webhookSecrets,
});
const otherUrl = () => [...other().stack.endpoints.values()][0] ?? "";

beforeAll(() => {
  assembly = synthesize(join(directory, "receiving"), receiving());
});

const scene = useStack({
  assembly: () => assembly,
  secrets: new Map([
    [getSecret("push"), "Bearer agreed"],
    [getSecret("poll"), "Bearer of-the-stream"],
    [getSecret("other"), "Bearer of-the-other-stack"],
  ]),
});

const used = new Map<string, Set<string>>();
const denied: string[] = [];

beforeAll(() => {
  for (const { stack } of [scene(), other()]) {
    stack.access.onAccess = (principal, { action, resource }, allowed) => {
      used.set(principal, (used.get(principal) ?? new Set()).add(`${action} ${resource}`));
      if (!allowed) denied.push(`${principal}: ${action} ${resource}`);
    };
  }
});

function setClaims(transmitter: SignalTransmitter, jti: string, more = {}) {
  return {
    iss: transmitter.issuer,
    jti,
    iat: Math.floor(Date.now() / 1000),
    aud: AUDIENCE,
    sub_id: { format: "iss_sub", iss: transmitter.issuer, sub: "ada" },
    events: { [`${CAEP}session-revoked`]: { reason_admin: { en: "Stolen laptop" } } },
    ...more,
  };
}

async function push(body: string, headers: Record<string, string> = {}) {
  const [url] = scene().stack.endpoints.values();
  const response = await fetch(`${url}/signals/events`, {
    method: "POST",
    headers: {
      "content-type": "application/secevent+jwt",
      authorization: "Bearer agreed",
      ...headers,
    },
    body,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const getEvents = async (type: string) =>
  (await scene().get(`/admin/oauth/events?type=${type}`, scene().admin)).body.events;

describe("pushed SET", () => {
  it("is accepted, and its event is stored once with the subject and the reason", async () => {
    const text = await pushing.sign(setClaims(pushing, "push-1"));
    const accepted = await push(text);
    expect([accepted.status, accepted.text]).toEqual([202, ""]);
    expect((await push(text)).status).toBe(202);
    await scene().settle();
    const events = await getEvents("signal_session_revoked");
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      user_id: "ada",
      event_data: {
        transmitter: "idp",
        issuer: pushing.issuer,
        jti: "push-1",
        reason_admin: { en: "Stolen laptop" },
      },
    });
    // Other receivers would accept the signed SET too, so it is neither stored nor logged.
    expect(await scene().storeText()).not.toContain(text.split(".")[2]);
    expect(scene().logs.join()).not.toContain(text.split(".")[2]);
  });

  it("is rejected with the error codes of RFC 8935", async () => {
    const text = await pushing.sign(setClaims(pushing, "push-2"));
    const err = async (body: string, headers = {}) => {
      const answer = await push(body, headers);
      expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
      return [answer.status, JSON.parse(answer.text).err];
    };
    expect(await err(text, { "content-type": "application/json" })).toEqual([
      400,
      "invalid_request",
    ]);
    expect(await err(text, { authorization: "Bearer guessed" })).toEqual([
      400,
      "authentication_failed",
    ]);
    expect(await err("not a SET")).toEqual([400, "invalid_request"]);
    expect(await err("x".repeat(200_000))).toEqual([400, "invalid_request"]);
    const elsewhere = setClaims(pushing, "push-3", { aud: "https://other.example.com" });
    expect(await err(await pushing.sign(elsewhere))).toEqual([400, "invalid_audience"]);
    const stranger = await polled.sign(setClaims(pushing, "push-4"));
    expect((await err(stranger))[1]).toBe("invalid_key");
    await scene().settle();
    expect(await getEvents("signal_session_revoked")).toHaveLength(1);
  });

  it("gets a retryable error while the bus rejects its event", async () => {
    const text = await pushing.sign(setClaims(pushing, "push-5"));
    scene().stack.eventBus.down = true;
    const late = await push(text);
    expect([late.status, late.headers.get("retry-after")]).toEqual([503, "30"]);
    scene().stack.eventBus.down = false;
    expect((await push(text)).status).toBe(202);
    await scene().settle();
    expect(await getEvents("signal_session_revoked")).toHaveLength(2);
  });
});

describe("polled stream", () => {
  it("is emptied, and each SET is acknowledged or rejected", async () => {
    const email = { sub_id: { format: "email", email: "ada@example.com" } };
    for (const jti of ["p1", "p2", "p3", "p4"]) {
      stream.sets.set(jti, await polled.sign(setClaims(polled, jti, email)));
    }
    stream.sets.set("bad", await polled.sign(setClaims(polled, "bad", { aud: "other" })));
    // The SET comes from a transmitter that is configured here, but not for this stream.
    stream.sets.set("mixed", await pushing.sign(setClaims(pushing, "mixed")));
    await scene().send("POST", "/_local/schedules/signal-poller/run", {});
    await scene().settle();
    expect(stream.sets.size).toBe(0);
    expect(stream.acked.sort()).toEqual(["p1", "p2", "p3", "p4"]);
    expect(stream.errors).toMatchObject({
      bad: { err: "invalid_audience" },
      mixed: { err: "invalid_issuer" },
    });
    expect(stream.authorizations).toEqual(new Set(["Bearer of-the-stream"]));
    const events = await getEvents("signal_session_revoked");
    expect(
      events.filter((each: { user_id?: string }) => each.user_id === "ada@example.com"),
    ).toHaveLength(4);
  });

  it("keeps a SET until its event is published", async () => {
    stream.sets.set("p5", await polled.sign(setClaims(polled, "p5")));
    scene().stack.eventBus.down = true;
    await scene().send("POST", "/_local/schedules/signal-poller/run", {});
    expect([...stream.sets.keys()]).toEqual(["p5"]);
    scene().stack.eventBus.down = false;
    await scene().send("POST", "/_local/schedules/signal-poller/run", {});
    expect(stream.sets.size).toBe(0);
  });
});

/** Calls the transmitter's routes as a receiver, with a token from the other stack. */
async function manage(
  method: string,
  path: string,
  body?: unknown,
  { scopes = ["ssf.manage", "ssf.read"], clientId = "receiver" } = {},
) {
  const secret = await getToken(clientId, scopes);
  const call = () =>
    fetch(`${otherUrl()}${path}`, {
      method,
      headers: {
        "content-type": "application/json",
        ...(secret && { authorization: `Bearer ${secret}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  let response = await call();
  // On a busy machine the store can exceed the authorizer's timeout, which an HTTP API turns into a 500.
  for (let tries = 0; response.status === 500 && tries < 5; tries += 1) response = await call();
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : undefined };
}

const tokens = new Map<string, string>();

async function getToken(clientId: string, scopes: readonly string[]): Promise<string | undefined> {
  if (scopes.length === 0) return undefined;
  const key = `${clientId} ${scopes.join(" ")}`;
  const known = tokens.get(key);
  if (known) return known;
  const { library } = other();
  const { secret } = await issueToken(
    { ...library, sink: { publish: async () => {} } },
    { clientId, scopes: [...scopes], expiresInSeconds: 3600 },
  );
  tokens.set(key, secret);
  return secret;
}

/** Revokes a user's access in the other stack. */
function act(more: Partial<ActionRequest> = {}) {
  return takeAction(other().library, {
    kind: "revoke",
    target: { kind: "user", id: "grace" },
    reason: "The token was stolen",
    actor: { kind: "administrator", id: "ops" },
    ...more,
  });
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("it did not happen within 20 seconds");
}

const VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification";

describe("transmitter", () => {
  it("publishes its metadata and signing keys without authentication", async () => {
    const metadata = (
      await manage("GET", "/.well-known/ssf-configuration", undefined, { scopes: [] })
    ).body;
    expect(metadata).toMatchObject({
      spec_version: "1_0",
      issuer: otherUrl(),
      jwks_uri: `${otherUrl()}/jwks`,
      delivery_methods_supported: ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
      authorization_schemes: [{ spec_urn: "urn:ietf:rfc:6749" }],
      default_subjects: "ALL",
    });
    const { keys } = (await manage("GET", "/jwks", undefined, { scopes: [] })).body;
    expect(keys).toHaveLength(2);
    expect(new Set(keys.map(({ kid }: { kid: string }) => kid)).size).toBe(2);
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
    }
  });

  it("requires a scope to manage streams", async () => {
    const status = async (method: string, scopes: string[]) =>
      (await manage(method, "/ssf/streams", method === "POST" ? {} : undefined, { scopes })).status;
    expect(await status("GET", [])).toBe(401);
    expect(await status("GET", ["api:read"])).toBe(403);
    expect(await status("POST", ["ssf.read"])).toBe(403);
    expect(await status("GET", ["ssf.manage"])).toBe(403);
    expect(await status("GET", ["ssf.read"])).toBe(200);
  });

  it("manages each receiver's poll streams separately", async () => {
    const created = await manage("POST", "/ssf/streams", {
      events_requested: [`${CAEP}session-revoked`, "urn:unknown"],
      description: "Polled",
    });
    expect(created).toMatchObject({
      status: 201,
      body: {
        iss: otherUrl(),
        aud: AUDIENCE,
        delivery: { method: "urn:ietf:rfc:8936" },
        events_delivered: [`${CAEP}session-revoked`],
      },
    });
    const { stream_id, delivery } = created.body;
    const at = `/ssf/streams?stream_id=${stream_id}`;
    expect((await manage("GET", at)).body).toEqual(created.body);
    expect((await manage("GET", "/ssf/streams")).body).toEqual([created.body]);
    const stranger = { clientId: "stranger" };
    expect((await manage("GET", at, undefined, stranger)).status).toBe(404);
    expect((await manage("GET", "/ssf/streams", undefined, stranger)).body).toEqual([]);
    expect((await manage("DELETE", at, undefined, stranger)).status).toBe(404);
    const path = new URL(delivery.endpoint_url).pathname;
    expect((await manage("POST", path, {}, stranger)).status).toBe(404);

    await act();
    const poll = (body: unknown = { returnImmediately: true }) => manage("POST", path, body);
    const given = await until(async () => {
      const { body } = await poll();
      return Object.keys(body.sets).length > 0 ? body : undefined;
    });
    const [[jti = "", text = ""] = []] = Object.entries<string>(given.sets);
    const verifier = new SetVerifier([
      transmitterConfig(otherUrl(), { subjects: { issuers: [], users: ["iss_sub"] } }),
    ]);
    const found = await verifier.verify(text, Date.now());
    expect(found).toMatchObject({ status: "verified", set: { jti, issuer: otherUrl() } });
    expect(JSON.parse(Buffer.from(text.split(".")[1] ?? "", "base64url").toString())).toMatchObject(
      {
        aud: AUDIENCE,
        sub_id: { format: "iss_sub", iss: otherUrl(), sub: "grace" },
        events: { [`${CAEP}session-revoked`]: { reason_admin: { en: "The token was stolen" } } },
      },
    );
    // The SET is returned until it is acknowledged.
    expect(Object.keys((await poll()).body.sets)).toEqual([jti]);
    expect((await poll({ ack: [jti], maxEvents: 0 })).body).toEqual({
      sets: {},
      moreAvailable: false,
    });
    expect((await poll()).body.sets).toEqual({});

    // A paused stream keeps its SETs. A disabled stream drops them.
    const setStatus = (status: string) => manage("POST", "/ssf/status", { stream_id, status });
    expect((await setStatus("paused")).body).toEqual({ stream_id, status: "paused" });
    await act();
    await other().settle();
    expect((await poll()).body.sets).toEqual({});
    await setStatus("enabled");
    expect(Object.keys((await poll()).body.sets)).toHaveLength(1);
    await setStatus("disabled");
    await setStatus("enabled");
    expect((await poll()).body.sets).toEqual({});
    expect((await setStatus("asleep")).status).toBe(400);

    // Events about removed subjects and event types that were not requested are not transmitted.
    const subject = { format: "iss_sub", iss: otherUrl(), sub: "grace" };
    expect((await manage("POST", "/ssf/subjects/remove", { stream_id, subject })).status).toBe(204);
    await act();
    await other().settle();
    expect((await poll()).body.sets).toEqual({});
    expect((await manage("POST", "/ssf/subjects/add", { stream_id, subject })).status).toBe(200);
    await act();
    await other().settle();
    expect(Object.keys((await poll()).body.sets)).toHaveLength(1);
    const wrong = { stream_id, subject: { format: "email" } };
    expect((await manage("POST", "/ssf/subjects/add", wrong)).status).toBe(400);

    const patched = await manage("PATCH", "/ssf/streams", { stream_id, description: "Ours" });
    expect(patched.body).toMatchObject({
      description: "Ours",
      events_requested: expect.anything(),
    });
    const replaced = await manage("PUT", "/ssf/streams", { stream_id });
    expect(replaced.body).not.toHaveProperty("events_requested");
    expect(replaced.body.events_delivered.length).toBeGreaterThan(1);
    expect((await manage("DELETE", at)).status).toBe(204);
    expect((await manage("GET", at)).status).toBe(404);
    expect((await poll()).status).toBe(404);
  });

  it("rejects streams to a private network, and limits the number of streams", async () => {
    const push = (endpoint_url: string) =>
      manage("POST", "/ssf/streams", { delivery: { method: "urn:ietf:rfc:8935", endpoint_url } });
    for (const url of [
      "https://10.0.0.1/",
      "https://169.254.169.254/",
      "http://example.com/",
      "x",
    ]) {
      expect((await push(url)).status).toBe(400);
    }
    expect((await manage("POST", "/ssf/streams", "no object")).status).toBe(400);
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1)
      made.push((await manage("POST", "/ssf/streams", {})).body.stream_id);
    expect((await manage("POST", "/ssf/streams", {})).status).toBe(409);
    for (const id of made) await manage("DELETE", `/ssf/streams?stream_id=${id}`);
  });

  it("pushes to another stack, which stores each event once", async () => {
    const [url] = scene().stack.endpoints.values();
    const { body, status } = await manage("POST", "/ssf/streams", {
      delivery: {
        method: "urn:ietf:rfc:8935",
        endpoint_url: `${url}/signals/events`,
        authorization_header: "Bearer of-the-other-stack",
      },
    });
    expect(status).toBe(201);
    expect(JSON.stringify(body)).not.toContain("of-the-other-stack");
    const { stream_id } = body;
    expect((await manage("POST", "/ssf/verification", { stream_id, state: "hello" })).status).toBe(
      204,
    );
    expect((await manage("POST", "/ssf/verification", { stream_id })).status).toBe(429);
    const verified = await until(async () => (await getEvents("signal_verification"))[0]);
    expect(verified.event_data).toMatchObject({
      transmitter: "other-stack",
      signal: VERIFICATION,
      details: { state: "hello" },
      subject: { format: "opaque", id: stream_id },
    });
    const before = (await getEvents("signal_session_revoked")).length;
    await act();
    const ended = await until(async () => {
      const all = await getEvents("signal_session_revoked");
      return all.length > before ? all[0] : undefined;
    });
    expect(ended).toMatchObject({ user_id: "grace", event_data: { transmitter: "other-stack" } });
    await other().settle();
    // The bus can deliver an event twice. Both deliveries result in the same SET.
    const taken = other().busTraffic.filter((entry) => entry.includes("oauth.action_taken"));
    other().stack.eventBus.put(JSON.parse(taken.at(-1) ?? "{}"));
    await other().settle();
    await scene().settle();
    expect(await getEvents("signal_session_revoked")).toHaveLength(before + 1);
    // Neither the receiver's header nor a SET is stored in plain text.
    const kept = await getItems(stream_id);
    expect(kept).toContain(stream_id);
    expect(kept).not.toContain("of-the-other-stack");
    expect(kept).not.toContain("set#");
    expect(other().logs.join()).not.toContain("of-the-other-stack");
    await manage("DELETE", `/ssf/streams?stream_id=${stream_id}`);
  });

  it("revokes access in the other stack when an action revokes access here", async () => {
    const [url] = scene().stack.endpoints.values();
    const { body } = await manage("POST", "/ssf/streams", {
      delivery: {
        method: "urn:ietf:rfc:8935",
        endpoint_url: `${url}/signals/events`,
        authorization_header: "Bearer of-the-other-stack",
      },
    });
    const { library: there, get } = scene();
    const owner = { clientId: "app", userId: "grace", scopes: ["api:read"] };
    const issue = () => issueToken(there, { ...owner, expiresInSeconds: 3600 });
    const { secret } = await issue();
    const bystander = await issueToken(there, { ...owner, userId: "alan", expiresInSeconds: 3600 });
    expect((await get("/api/orders", secret)).status).toBe(200);

    expect((await act()).state).toBe("done");
    const rejected = await until(async () => {
      const answer = await get("/api/orders", secret);
      return answer.status === 401 ? answer : undefined;
    });
    expect(rejected.body).toMatchObject({ status: 401 });
    // Later calls are denied. Other users and newer sign-ins stay allowed.
    for (let n = 0; n < 5; n += 1) expect((await get("/api/orders", secret)).status).toBe(401);
    expect((await get("/api/orders", bystander.secret)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await get("/api/orders", (await issue()).secret)).status).toBe(200);
    await scene().settle();
    const taken = await getEvents("action_taken");
    expect(taken[0]).toMatchObject({
      user_id: "grace",
      event_data: {
        actor: { kind: "receiver", id: "other-stack" },
        reason: "session-revoked of other-stack",
      },
    });

    // An action that must be proposed waits for approval.
    const until_ = new Date(Date.now() + 3_600_000).toISOString();
    await act({ kind: "block", target: { kind: "user", id: "alan" }, until: until_ });
    await until(async () => (await getEvents("action_proposed"))[0]);
    expect((await get("/api/orders", bystander.secret)).status).toBe(200);
    await manage("DELETE", `/ssf/streams?stream_id=${body.stream_id}`);
  });

  it("retries a receiver that does not respond, and keeps permanently rejected SETs", async () => {
    let calls = 0;
    const server = createServer((_, response) => {
      calls += 1;
      if (calls > 1) response.writeHead(202).end();
      // The first call gets no answer.
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { body } = await manage("POST", "/ssf/streams", {
      delivery: { method: "urn:ietf:rfc:8935", endpoint_url: `http://127.0.0.1:${port}/` },
    });
    await act();
    await until(async () => (calls > 1 ? calls : undefined));
    await other().settle();
    expect(await getItems(body.stream_id)).not.toContain("set#");
    await manage("DELETE", `/ssf/streams?stream_id=${body.stream_id}`);
    server.closeAllConnections();
    server.close();
  });
});

describe("webhook", () => {
  it("is sent each action with one ID and a signature, and is retried until it accepts", async () => {
    await act({ reason: "For the webhook" });
    const of = () => webhook.notified.filter(({ body }) => body.includes("For the webhook"));
    await until(async () => of()[0]);
    // The first call was rejected and then retried.
    const ids = () => webhook.notified.map(({ id }) => id);
    await until(async () => (ids().length > new Set(ids()).size ? true : undefined));
    const { id = "", body = "", timestamp = "", signature } = of()[0] ?? {};
    const signed = { id, body, sentAtSeconds: Number(timestamp) };
    expect(signature).toBe(signWebhook([WEBHOOK_SECRET], signed)["webhook-signature"]);
    expect(JSON.parse(body)).toMatchObject({
      type: "action.taken",
      data: { user_id: "grace", reason: "For the webhook" },
    });
    expect(other().logs.join()).not.toContain("/hook");
  });
});

describe("signal metrics", () => {
  it("report the outcome of SETs, pushes and webhook notices under the documented names", async () => {
    const sums = new Map<string, number>();
    for (const line of [...scene().logs, ...other().logs].filter((one) => one.includes('"_aws"'))) {
      const values = JSON.parse(line.slice(line.indexOf("{")));
      const names = SIGNAL_METRIC_NAMES[values.service as keyof typeof SIGNAL_METRIC_NAMES];
      for (const { Name } of names ? values._aws.CloudWatchMetrics[0].Metrics : []) {
        expect(names).toContain(Name);
        const sum = [values[Name]]
          .flat()
          .reduce((total: number, value: number) => total + value, 0);
        const key = `${values.service} ${Name}`;
        sums.set(key, (sums.get(key) ?? 0) + sum);
      }
    }
    for (const name of [
      "signal-receiver SetsAccepted",
      "signal-receiver SetsRejected",
      "signal-poller SetsAccepted",
      "signal-transmitter EventsTransmitted",
      "signal-delivery SetsPushed",
      "signal-delivery PushesRetried",
      "webhook NoticesDelivered",
      "webhook NoticesRetried",
    ]) {
      expect(sums.get(name) ?? 0, name).toBeGreaterThan(0);
    }
  });
});

/** Permissions that the roles grant but this test doesn't exercise. */
const UNSEEN = [
  // Calls to services that the local stack doesn't emulate, and the tables' key, which DynamoDB uses.
  /: (xray|logs):/,
  /: kms:\S+ \S+DataKey/,
  // Calls that Lambda's poller makes with the function's role.
  /: sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes|GetQueueUrl) /,
  // Only needed for an event that could not be transmitted. Lambda's poller makes this call too.
  /SignalTransmitter\w+: sqs:ChangeMessageVisibility /,
  // Only needed for a push that fails permanently, which these tests don't cause.
  /Webhook\w+: sqs:ChangeMessageVisibility /,
  // Only needed for actions against tokens and sessions, which no signal in these tests names.
  /SignalReceiver\w+: dynamodb:Query .*\/by_token_id$/,
  /SignalReceiver\w+: dynamodb:\w+ .*Sessions/,
  /SignalReceiver\w+: dynamodb:(DeleteItem|UpdateItem|Query) .*DenyList/,
];

describe("roles of the signal and webhook functions", () => {
  it("allow exactly the actions that the functions use", () => {
    const stacks = [scene().stack, other().stack];
    expect(denied).toEqual([]);
    const unused = stacks.flatMap(({ access, functionNames }) =>
      functionNames
        .filter((name) => /Signal|Webhook/.test(name))
        .flatMap((name) =>
          [...access.allowedTo(name)]
            .filter((each) => !used.get(name)?.has(each))
            .map((each) => `${name}: ${each}`),
        ),
    );
    expect(used.size).toBeGreaterThan(4);
    expect(unused.filter((each) => !UNSEEN.some((pattern) => pattern.test(each)))).toEqual([]);
  });
});

/** Returns a stream's items in the other stack's table as text: the stream, its subjects, and pending SETs. */
async function getItems(streamId: string): Promise<string> {
  const { stack, library } = other();
  const TableName = stack.named("table", "SignalTransmitterTable");
  const under = async (partition: string) => {
    const { Items = [] } = await library.db.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: "stream_id = :id",
        ExpressionAttributeValues: { ":id": partition },
      }),
    );
    return Items;
  };
  const listed = (await under("streams")).filter(({ item }) => item === streamId);
  return JSON.stringify([...listed, ...(await under(streamId))]);
}
