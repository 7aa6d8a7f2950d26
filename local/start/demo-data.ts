import { storeAuthorizationCode } from "../../shared/authorization-codes/store-authorization-code.ts";
import { runCleanup } from "../../shared/cleanup/run-cleanup.ts";
import { registerClient } from "../../shared/clients/register-client.ts";
import { createEvent, type OAuthEvent } from "../../shared/envelope/oauth-event.ts";
import { startSession } from "../../shared/sessions/start-session.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time/clock.ts";
import type { AccessToken } from "../../shared/tokens/access-token.ts";
import { issueToken } from "../../shared/tokens/issue-token.ts";
import { generateSecret } from "../../shared/tokens/token-secret.ts";
import type { LibraryContext } from "./library-context.ts";

const CLIENTS = [
  { clientId: "mobile-app", name: "Mobile app", users: ["ada", "grace", "linus"] },
  { clientId: "partner-portal", name: "Partner portal", users: ["margaret"] },
  { clientId: "reporting", name: "Reporting", users: [] },
] as const;

/** Tokens live an hour, as many deployments have it. */
const LIFETIME_SECONDS = 3600;
const ENDPOINTS = ["/api/orders", "/api/orders/42", "/api/profile", "/api/reports/daily"];

/** A context in which it is earlier. */
function at(context: LibraryContext, atMs: number): LibraryContext {
  return { ...context, clock: () => atMs };
}

function uses(token: AccessToken, issuedMs: number, hour: number): OAuthEvent[] {
  return ENDPOINTS.map((endpoint, index) =>
    createEvent(
      {
        eventType: "token_used",
        clientId: token.oauth_client_id,
        userId: token.user_id,
        details: {
          endpoint,
          method: "GET",
          ip: `198.51.100.${10 + (hour % 5)}`,
          user_agent: "demo/1.0",
          token_id: token.token_id,
        },
      },
      issuedMs + (index + 1) * 7 * MINUTE_MS,
    ),
  );
}

interface Failures {
  readonly type: "auth_failed" | "scope_violation";
  readonly count: number;
  readonly startMs: number;
  readonly everyMs: number;
  readonly clientId?: string;
  readonly details: Record<string, unknown>;
}

/** Somebody guesses tokens, a partner goes on with an expired one, a job asks for what it may not. */
function failures(nowMs: number): OAuthEvent[] {
  const stories: Failures[] = [
    {
      type: "auth_failed",
      count: 12,
      startMs: nowMs - 2 * HOUR_MS,
      everyMs: 15_000,
      details: {
        endpoint: "/api/orders",
        ip: "203.0.113.66",
        user_agent: "curl/8.0",
        reason: "unknown_token",
      },
    },
    {
      type: "auth_failed",
      count: 50,
      startMs: nowMs - 40 * MINUTE_MS,
      everyMs: 5000,
      clientId: "partner-portal",
      details: {
        endpoint: "/api/reports/daily",
        ip: "198.51.100.77",
        user_agent: "partner-sync/2.3",
        reason: "expired_token",
      },
    },
    {
      type: "scope_violation",
      count: 3,
      startMs: nowMs - 5 * HOUR_MS,
      everyMs: HOUR_MS,
      clientId: "reporting",
      details: {
        endpoint: "/api/orders",
        ip: "198.51.100.12",
        user_agent: "demo/1.0",
        required_scopes: ["api:write"],
        available_scopes: ["api:read"],
        success: false,
      },
    },
  ];
  return stories.flatMap(({ type, count, startMs, everyMs, clientId, details }) =>
    Array.from({ length: count }, (_, n) =>
      createEvent(
        { eventType: type, clientId, details: { method: "GET", ...details } },
        startMs + n * everyMs,
      ),
    ),
  );
}

/** The demo begins with a cleanup behind it, as a stack that runs for a day has. */
const CLEANUP_MS = MINUTE_MS;

/** Puts in a day of three clients' tokens, their use, a session each, a code, failures, and a cleanup. */
export async function seedDemo(context: LibraryContext): Promise<void> {
  const nowMs = context.clock();
  for (const { clientId, name, users } of CLIENTS) {
    await registerClient(context, { clientId, name });
    for (let hour = 0; hour < 24; hour += users.length > 1 ? 2 : 6) {
      const issuedMs = nowMs - hour * HOUR_MS - 20 * MINUTE_MS;
      const userId = users[hour % Math.max(1, users.length)];
      const { token } = await issueToken(at(context, issuedMs), {
        clientId,
        userId,
        scopes: ["api:read"],
        expiresInSeconds: LIFETIME_SECONDS,
      });
      const past = uses(token, issuedMs, hour).filter(
        (event) => Date.parse(event.occurred_at) < nowMs,
      );
      await context.sink.publish(past);
    }
    await startSession(at(context, nowMs - 2 * HOUR_MS), {
      clientId,
      scopes: ["api:read"],
      expiresInSeconds: LIFETIME_SECONDS,
    });
  }
  await storeAuthorizationCode(at(context, nowMs - HOUR_MS), {
    code: generateSecret(),
    clientId: "mobile-app",
    userId: "ada",
    scopes: ["api:read"],
    redirectUri: "https://app.example.com/callback",
  });
  await context.sink.publish(failures(nowMs));
  await runCleanup(context, nowMs + CLEANUP_MS);
}
