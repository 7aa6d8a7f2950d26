import { beforeAll, describe, expect, it } from "vitest";
import type { Access } from "../../local/services/access-policies.ts";
import { queueNamed } from "../../local/services/queues.ts";
import { seedDemo } from "../../local/start/demo-data.ts";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { DAY_MS, HOUR_MS } from "../../shared/core/clock.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import {
  issueToken,
  revokeToken,
  startSession,
  storeAuthorizationCode,
} from "../../shared/index.ts";
import { useStack } from "./stack.ts";

const scene = useStack({ visibilitySeconds: 1 });

const used = new Map<string, Set<string>>();
const denied: string[] = [];

function record(principal: string, { action, resource }: Access, allowed: boolean): void {
  const access = `${action} ${resource}`;
  used.set(principal, (used.get(principal) ?? new Set()).add(access));
  if (!allowed) denied.push(`${principal}: ${access}`);
}

const EVENT_FILTERS = [
  "",
  "client_id=app",
  "user_id=ada",
  "token_id=t",
  "ip=203.0.113.66",
  "type=token_used",
];

/** Stores expired items of every kind for the cleanup to delete. */
async function leaveExpired(): Promise<void> {
  const { library } = scene();
  const past = { ...library, clock: () => library.clock() - 2 * HOUR_MS };
  const owner = { clientId: "app", scopes: ["api:read"], expiresInSeconds: 60 };
  await issueToken(past, owner);
  await startSession(past, owner);
  await storeAuthorizationCode(past, {
    code: "c".repeat(43),
    clientId: "app",
    userId: "ada",
    scopes: ["api:read"],
    redirectUri: "https://app.example.com/callback",
  });
  const longAgoMs = library.clock() - 200 * DAY_MS;
  // Two events of one type, which share a batch item.
  const old = [0, 1].map((n) =>
    createEvent({ eventType: "consent_given", details: {} }, longAgoMs + n),
  );
  await storeEvents(library, old, { clock: () => longAgoMs, registered: new Map() });
}

/**
 * Generates findings: credential guesses, a user's token and a service's token that move to other networks, and a
 * reused refresh token.
 */
async function attack(): Promise<void> {
  const { library, get } = scene();
  for (let n = 0; n < 60; n += 1) {
    await get("/api/orders", `oam_guess${n}`, { "x-forwarded-for": "203.0.113.66" });
  }
  const owner = { clientId: "app", scopes: ["api:read"], expiresInSeconds: 3600 };
  for (const userId of ["ada", undefined]) {
    const { secret, token } = await issueToken(library, { ...owner, userId });
    for (const network of ["198.51.100", "192.0.2", "203.0.113", "100.64.7"]) {
      await get("/api/orders", secret, { "x-forwarded-for": `${network}.1` });
    }
    await revokeToken(library, token.token_id);
    await get("/api/orders", secret);
  }
  const reason = "refresh_token_reused";
  const reused = { eventType: "auth_failed", clientId: "app", details: { reason } };
  await library.sink.publish([createEvent(reused, library.clock())]);
}

/** Takes, approves, rejects or releases actions of every kind. */
async function respondToEverything(): Promise<void> {
  const { library, get, send, admin, caller } = scene();
  const post = async (route: string, body: object) => {
    const headers = { authorization: `Bearer ${admin}`, "content-type": "application/json" };
    return (await send("POST", `/admin/oauth/${route}`, headers, JSON.stringify(body))).body;
  };
  const owner = { clientId: "app", scopes: ["api:read"], expiresInSeconds: 3600 };
  const target = { kind: "user", id: "mallory" };
  const reason = "everything";
  const { token } = await issueToken(library, { ...owner, userId: "mallory" });
  await startSession(library, { ...owner, userId: "mallory" });
  await post("actions", { kind: "revoke", target: { kind: "token", id: token.token_id }, reason });
  await issueToken(library, { ...owner, userId: "mallory" });
  await post("action-counts", { target });
  await post("action-counts", { target: { kind: "all" } });
  await post("actions", { kind: "revoke", target, reason });
  const until = new Date(library.clock() + HOUR_MS).toISOString();
  const { action_id } = await post("actions", {
    kind: "block",
    target,
    until,
    reason,
    mode: "propose",
  });
  await post(`actions/${action_id}/approve`, { reason });
  await get("/api/blocked", caller);
  await post(`actions/${action_id}/release`, { reason });
  const { open } = (await get("/admin/oauth/alerts", admin)).body;
  await post("alert-reviews", { alert_id: open[0].alert_id, verdict: "true", note: "x" });
  for (const query of [
    "actions?state=done",
    "actions?target_kind=user&target_id=mallory",
    "tokens?user_id=ada",
    "tokens?expiring_days=1",
    "sessions?client_id=app",
  ]) {
    await get(`/admin/oauth/${query}`, admin);
  }
}

/** Runs everything that the functions can do in the running stack. */
async function useEverything(): Promise<void> {
  const { stack, library, get, send, caller, admin, settle } = scene();
  await seedDemo(library);
  await leaveExpired();
  await get("/api/mcp", caller, { "mcp-session-id": "x".repeat(43) });
  await attack();
  stack.eventBus.down = true;
  await get("/api/bus-down", caller);
  const unpublished = queueNamed(stack.queues, stack.named("queue", "Unpublished"));
  await unpublished.waitForMessage(30_000);
  stack.eventBus.down = false;
  const buffer = queueNamed(stack.queues, stack.named("queue", "Buffer"));
  buffer.send("no event", {});
  buffer.send(
    JSON.stringify({
      source: "oauth.entra",
      "detail-type": "batch",
      id: "eb-1",
      time: new Date(library.clock()).toISOString(),
      detail: { records: [{ category: "SignInLogs" }, { category: "AuditLogs" }] },
    }),
    {},
  );
  await settle();
  for (const { name } of stack.schedules.list())
    await send("POST", `/_local/schedules/${name}/run`, {});
  await settle();
  for (const filter of EVENT_FILTERS) {
    for (const route of ["events", "security-events", "activity"]) {
      await get(`/admin/oauth/${route}?${filter}`, admin);
    }
  }
  await respondToEverything();
  for (const route of ["stats", "clients", "cleanup-runs", "alerts", "dashboard"]) {
    await get(`/admin/oauth/${route}`, admin);
  }
}

/** Permissions that the roles grant but this test doesn't exercise. */
const UNSEEN = [
  // Calls to services that the local stack doesn't emulate.
  /: (xray|kms|logs):/,
  // Calls that Lambda's poller makes with the function's role.
  /: sqs:(ReceiveMessage|DeleteMessage|ChangeMessageVisibility|GetQueueAttributes|GetQueueUrl) /,
  // Only needed if a token's writes are throttled, or between two writes with `lastUsedIntervalSeconds`.
  /Authorizer\w+: dynamodb:GetItem .*Tokens/,
  // Only needed for a token that no issuer listed.
  /Authorizer\w+: dynamodb:PutItem .*Credentials/,
  // Only needed for alerts with a policy, and for actions that are interrupted or affect too many tokens for one run.
  /Anomalies\w+: dynamodb:\w+ .*(Tokens|Sessions|Credentials|Actions|DenyList)/,
  // Only needed for alerts based on days of history: a client's issuance, or a service's new network.
  /Anomalies\w+: dynamodb:Query .*\/by_client$/,
  // Only needed for an alert whose example events are in a batch item, which depends on how the queue forms batches.
  /Anomalies\w+: dynamodb:BatchGetItem .*Events/,
  // Only needed for a principal that is used so often that its uses are sampled.
  /Anomalies\w+: dynamodb:BatchGetItem .*Counters/,
];

describe("function roles", () => {
  beforeAll(async () => {
    scene().stack.access.onAccess = record;
    await useEverything();
  }, 180_000);

  it("allow every action that the functions use", () => {
    expect(used.size).toBeGreaterThan(10);
    expect(denied).toEqual([]);
  });

  it("allow no action that the functions do not use", () => {
    const { access, functionNames } = scene().stack;
    const unused = functionNames.flatMap((name) =>
      [...access.allowedTo(name)]
        .filter((each) => !used.get(name)?.has(each))
        .map((each) => `${name}: ${each}`)
        .filter((each) => !UNSEEN.some((pattern) => pattern.test(each))),
    );
    expect(unused).toEqual([]);
  });
});
