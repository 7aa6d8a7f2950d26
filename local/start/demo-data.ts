import { PutCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { storeEvents } from "../../shared/audit-log/store-events.ts";
import { runCleanup } from "../../shared/cleanup/run-cleanup.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/core/clock.ts";
import { listAlerts } from "../../shared/detection/alert-store.ts";
import { detectAnomalies } from "../../shared/detection/detect-anomalies.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { addEnrichment, IpEnricher } from "../../shared/integrations/ip-enrichment/ip-enricher.ts";
import { digestSecret, generateSecret } from "../../shared/tokens/access-token.ts";
import { startSession } from "../../shared/tokens/client-session.ts";
import { storeTokenCredential } from "../../shared/tokens/credentials.ts";
import { expiryAttributes } from "../../shared/tokens/expiry-attributes.ts";
import { issueToken } from "../../shared/tokens/issue-token.ts";
import { registerClient } from "../../shared/tokens/oauth-client.ts";
import { storeAuthorizationCode } from "../../shared/tokens/store-authorization-code.ts";
import { demoDay } from "../traffic/demo-day.ts";
import type { LibraryContext } from "./library-context.ts";

/** Number of events that one call stores, as in the subscriber. */
const BATCH = 500;

/** Age of the demo's expired tokens, codes and sessions. */
const LONG_AGO_MS = 3 * HOUR_MS;
const LIFETIME_SECONDS = 3600;
const CLEANUP_MS = MINUTE_MS;

/**
 * Stores events directly, as the subscriber does, so that the demo does not have to wait for the bus.
 *
 * @throws Error when an event was not stored
 */
async function store(context: LibraryContext, events: readonly OAuthEvent[]): Promise<void> {
  const registered = new Map<string, number>();
  const enricher = new IpEnricher(context.config.ipEnrichment.networks);
  for (let from = 0; from < events.length; from += BATCH) {
    const batch = events.slice(from, from + BATCH).map((event) => addEnrichment(event, enricher));
    const { rejected, retry } = await storeEvents(context, batch, {
      clock: context.clock,
      registered,
    });
    const [failed] = [...rejected, ...retry];
    if (failed) throw new Error(`the demo data could not be stored: ${failed.reason}`);
  }
}

/** Creates expired tokens, codes and sessions, and runs the cleanup that removes them. */
async function expireSome(context: LibraryContext): Promise<void> {
  const clock = () => context.clock() - LONG_AGO_MS;
  // Publishes no events, because the demo day already contains them.
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
 * Stores the token that is being stolen in the demo data, so that the user can make calls as the thief.
 *
 * @returns the token; undefined if the detection found no theft
 */
async function keepStolenToken(
  context: LibraryContext,
  events: readonly OAuthEvent[],
): Promise<string | undefined> {
  const alerts = await listAlerts(context, "open");
  const stolen = alerts.find(({ subject }) => subject.kind === "token")?.subject.id;
  const issued = events.find(
    ({ event_type, event_data }) => event_type === "token_issued" && event_data.token_id === stolen,
  );
  if (stolen === undefined || !issued) return undefined;
  const secret = generateSecret();
  const token_digest = digestSecret(secret);
  const { scopes, issued_at, expires_at } = issuedSchema.parse(issued.event_data);
  const token = {
    token_digest,
    token_id: stolen,
    oauth_client_id: issued.oauth_client_id as string,
    user_id: issued.user_id,
    scopes: [...new Set([...scopes, "api:read"])],
    issued_at: issued_at ?? issued.occurred_at,
    listed: true,
    ...expiryAttributes(token_digest, Date.parse(expires_at), context.config),
  };
  await context.db.send(new PutCommand({ TableName: context.tokensTable, Item: token }));
  await storeTokenCredential(context, token);
  return secret;
}

const issuedSchema = z.object({
  scopes: z.array(z.string()).default([]),
  issued_at: z.string().optional(),
  expires_at: z.string(),
});

/**
 * Stores a day of demo data that ends now: tokens and calls from thirty clients in a daily rhythm, failures, a cleanup,
 * a past attack, and an ongoing attack. The detection finds both attacks.
 *
 * @returns the stolen token
 */
export async function seedDemo(context: LibraryContext): Promise<string | undefined> {
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
  // Alert events are stored like the other events.
  const detection = {
    ...context,
    sink: { publish: (alerts: readonly OAuthEvent[]) => store(context, alerts) },
    notify: async () => {},
  };
  for (const atMs of detectAtMs) await detectAnomalies(detection, atMs);
  return keepStolenToken(context, events);
}
