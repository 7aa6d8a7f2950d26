import { storeAuthorizationCode } from "../../shared/authorization-codes/store-authorization-code.ts";
import { runCleanup } from "../../shared/cleanup/run-cleanup.ts";
import { registerClient } from "../../shared/clients/register-client.ts";
import { detectAnomalies } from "../../shared/detection/detect-anomalies.ts";
import type { OAuthEvent } from "../../shared/envelope/oauth-event.ts";
import { storeEvents } from "../../shared/event-store/store-events.ts";
import { startSession } from "../../shared/sessions/start-session.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time/clock.ts";
import { issueToken } from "../../shared/tokens/issue-token.ts";
import { generateSecret } from "../../shared/tokens/token-secret.ts";
import { demoDay } from "../traffic/demo-day.ts";
import type { LibraryContext } from "./library-context.ts";

/** Events stored by one call, as the subscriber gathers them. */
const BATCH = 500;

/** For the demo's tokens, codes and sessions to be expired, and for a cleanup to take. */
const LONG_AGO_MS = 3 * HOUR_MS;
const LIFETIME_SECONDS = 3600;
const CLEANUP_MS = MINUTE_MS;

/**
 * Stores events as the subscriber does, by a direct way: the demo need not wait for the bus.
 *
 * @throws Error when an event was not stored
 */
async function store(context: LibraryContext, events: readonly OAuthEvent[]): Promise<void> {
  const entered = new Map<string, number>();
  for (let from = 0; from < events.length; from += BATCH) {
    const batch = events.slice(from, from + BATCH);
    const { rejected, retry } = await storeEvents(context, batch, {
      clock: context.clock,
      entered,
    });
    const [failed] = [...rejected, ...retry];
    if (failed) throw new Error(`the demo was not stored: ${failed.reason}`);
  }
}

/** Tokens, a code and sessions that have expired, and the cleanup that takes them. */
async function expireSome(context: LibraryContext): Promise<void> {
  const clock = () => context.clock() - LONG_AGO_MS;
  // Their events are in the day already.
  const quiet = { ...context, clock, sink: { publish: async () => {} } };
  const lived = { scopes: ["api:read"], expiresInSeconds: LIFETIME_SECONDS };
  for (const clientId of ["shop-for-ios", "order-sync", "northwind-portal"]) {
    await issueToken(quiet, { clientId, ...lived });
    await startSession(quiet, { clientId, ...lived });
    await storeAuthorizationCode(quiet, {
      code: generateSecret(),
      clientId,
      userId: `${clientId}-user-1`,
      redirectUri: "https://app.example.com/callback",
      ...lived,
    });
  }
  await runCleanup(context, { deadlineMs: context.clock() + CLEANUP_MS });
}

/**
 * Puts in a day that ends now: thirty clients, their users' tokens and calls in a daily rhythm, failures,
 * an attack that is over and one that is not, found by the detection, and a cleanup.
 */
export async function seedDemo(context: LibraryContext): Promise<void> {
  const nowMs = context.clock();
  const { clients, events, detectAtMs } = demoDay(nowMs);
  await Promise.all(
    clients.map(({ clientId, name, firstMs }) =>
      registerClient(
        { ...context, clock: () => firstMs || nowMs - 24 * HOUR_MS },
        { clientId, name },
      ),
    ),
  );
  await store(context, events);
  await expireSome(context);
  // An alert's own event is stored like the others.
  const detection = {
    ...context,
    sink: { publish: (alerts: readonly OAuthEvent[]) => store(context, alerts) },
    notify: async () => {},
  };
  for (const atMs of detectAtMs) await detectAnomalies(detection, atMs);
}
