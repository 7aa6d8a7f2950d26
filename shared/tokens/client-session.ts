import { DeleteCommand, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { v7 as uuidv7 } from "uuid";
import * as z from "zod";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { SECOND_MS, toInstant } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";
import { parseInput } from "../core/errors.ts";
import { identifierSchema, scopesSchema } from "../events/identifiers.ts";
import { type Tracking, trackEvent } from "../events/track-event.ts";
import { digestSecret, generateSecret } from "./access-token.ts";
import { storeCredential } from "./credentials.ts";
import { expiryAttributes } from "./expiry-attributes.ts";

export const clientSessionSchema = z.object({
  /** Table key: the SHA-256 digest of the `Mcp-Session-Id` in hex. */
  session_digest: z.string(),
  /** Public ID, used in events and responses. */
  session_id: z.string(),
  oauth_client_id: z.string(),
  user_id: z.string().optional(),
  token_id: z.string().optional(),
  /** The session's scopes. Both the session and the token must have the scopes that a call requires. */
  scopes: z.array(z.string()),
  started_at: z.string(),
  expires_at: z.string(),
});

/** A client's session as stored in DynamoDB, with only the digest of its `Mcp-Session-Id`. */
export interface ClientSession extends z.output<typeof clientSessionSchema> {}

/** The DynamoDB table of sessions. */
export interface SessionStore {
  readonly db: DocumentClient;
  readonly sessionsTable: string;
}

/** Returns the session for an `Mcp-Session-Id`, even if it has expired, or undefined if it doesn't exist. */
export async function findSession(
  store: SessionStore,
  sessionSecret: string,
): Promise<ClientSession | undefined> {
  const { Item } = await store.db.send(
    new GetCommand({
      TableName: store.sessionsTable,
      Key: { session_digest: digestSecret(sessionSecret) },
      ConsistentRead: true,
    }),
  );
  return Item && clientSessionSchema.parse(Item);
}

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
export interface StartSessionRequest extends z.input<typeof startSessionRequestSchema> {}

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
 * @example
 * ```typescript
 * const { secret } = await startSession(openMonitoring(), {
 *   clientId: "app",
 *   userId: "ada",
 *   scopes: ["api:read"],
 *   expiresInSeconds: 3600,
 * });
 * response.setHeader("Mcp-Session-Id", secret);
 * ```
 * @throws InvalidInputError if the request isn't valid
 */
export async function startSession(
  context: Pick<
    MonitoringContext,
    "db" | "sessionsTable" | "credentialsTable" | "config" | "clock" | "sink"
  >,
  request: StartSessionRequest,
): Promise<StartedSession> {
  const parsed = parseInput(startSessionRequestSchema, "the session request", request);
  const nowMs = context.clock();
  const secret = generateSecret();
  const session_digest = digestSecret(secret);
  const expiry = expiryAttributes(
    session_digest,
    nowMs + parsed.expiresInSeconds * SECOND_MS,
    context.config,
  );
  const session: ClientSession = {
    session_digest,
    session_id: uuidv7({ msecs: nowMs }),
    oauth_client_id: parsed.clientId,
    user_id: parsed.userId,
    token_id: parsed.tokenId,
    scopes: [...new Set(parsed.scopes)],
    started_at: toInstant(nowMs),
    expires_at: expiry.expires_at,
  };
  await Promise.all([
    context.db.send(
      new PutCommand({ TableName: context.sessionsTable, Item: { ...session, ...expiry } }),
    ),
    storeCredential(context, {
      kind: "session",
      id: session.session_id,
      digest: session_digest,
      oauth_client_id: session.oauth_client_id,
      user_id: session.user_id,
      started_at: session.started_at,
      expires_at: session.expires_at,
    }),
  ]);
  await trackEvent(
    context,
    "session_started",
    session,
    { session_id: session.session_id, scopes: session.scopes, expires_at: session.expires_at },
    { atMs: nowMs },
  );
  return { secret, session };
}

/**
 * Ends a session early and publishes `session_ended`. Does nothing if the session doesn't exist.
 *
 * @example
 * ```typescript
 * await endSession(openMonitoring(), request.headers["mcp-session-id"]);
 * ```
 */
export function endSession(
  context: Pick<MonitoringContext, "db" | "sessionsTable" | "clock" | "sink">,
  sessionSecret: string,
): Promise<ClientSession | undefined> {
  return endSessionByDigest(context, digestSecret(sessionSecret));
}

/** Like `endSession`, but takes the session's table key. */
export async function endSessionByDigest(
  context: Tracking & SessionStore,
  sessionDigest: string,
): Promise<ClientSession | undefined> {
  const { Attributes } = await context.db.send(
    new DeleteCommand({
      TableName: context.sessionsTable,
      Key: { session_digest: sessionDigest },
      ReturnValues: "ALL_OLD",
    }),
  );
  if (!Attributes) return undefined;
  const session = clientSessionSchema.parse(Attributes);
  await trackEvent(context, "session_ended", session, { session_id: session.session_id });
  return session;
}
