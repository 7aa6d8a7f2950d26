import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { v7 as uuidv7 } from "uuid";
import * as z from "zod";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { SECOND_MS, toInstant } from "../core/clock.ts";
import { parseInput } from "../core/faults.ts";
import { identifierSchema, scopesSchema } from "../events/identifiers.ts";
import { type Tracking, trackEvent } from "../events/track-event.ts";
import type { ClientSession, SessionStore } from "./client-session.ts";
import { expiryAttributes } from "./expiry-attributes.ts";
import { type HoldingStore, keepHoldings } from "./holdings.ts";
import { digestSecret, generateSecret } from "./token-secret.ts";

export const startSessionRequestSchema = z.strictObject({
  clientId: identifierSchema,
  userId: identifierSchema.optional(),
  tokenId: identifierSchema.optional(),
  scopes: scopesSchema,
  expiresInSeconds: z
    .int()
    .min(1)
    .max(30 * 86_400),
});

/** Parameters of a new session. */
export type StartSessionRequest = z.input<typeof startSessionRequestSchema>;

/**
 * A new session. `secret` is the client's `Mcp-Session-Id`. It isn't stored, so this is the only time it is returned.
 */
export interface StartedSession {
  readonly secret: string;
  readonly session: ClientSession;
}

/**
 * Starts a session and publishes `session_started`.
 *
 * @throws InvalidInputError if the request isn't valid
 */
export async function startSession(
  starter: Tracking & SessionStore & HoldingStore & { readonly config: MonitoringConfig },
  request: StartSessionRequest,
): Promise<StartedSession> {
  const asked = parseInput(startSessionRequestSchema, "the session request", request);
  const nowMs = starter.clock();
  const secret = generateSecret();
  const session_digest = digestSecret(secret);
  const expiry = expiryAttributes(
    session_digest,
    nowMs + asked.expiresInSeconds * SECOND_MS,
    starter.config,
  );
  const session: ClientSession = {
    session_digest,
    session_id: uuidv7({ msecs: nowMs }),
    oauth_client_id: asked.clientId,
    user_id: asked.userId,
    token_id: asked.tokenId,
    scopes: [...new Set(asked.scopes)],
    started_at: toInstant(nowMs),
    expires_at: expiry.expires_at,
  };
  await Promise.all([
    starter.db.send(
      new PutCommand({ TableName: starter.sessionsTable, Item: { ...session, ...expiry } }),
    ),
    keepHoldings(starter, {
      kind: "session",
      id: session.session_id,
      digest: session_digest,
      oauth_client_id: session.oauth_client_id,
      user_id: session.user_id,
      began_at: session.started_at,
      expires_at: session.expires_at,
    }),
  ]);
  await trackEvent(
    starter,
    "session_started",
    session,
    { session_id: session.session_id, scopes: session.scopes, expires_at: session.expires_at },
    { atMs: nowMs },
  );
  return { secret, session };
}
