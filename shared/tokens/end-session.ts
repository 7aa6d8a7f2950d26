import { DeleteCommand } from "@aws-sdk/lib-dynamodb";
import { type Tracking, trackEvent } from "../events/track-event.ts";
import { type ClientSession, clientSessionSchema, type SessionStore } from "./client-session.ts";
import { digestSecret } from "./token-secret.ts";

/** Ends a session early and publishes `session_ended`. Does nothing if the session doesn't exist. */
export function endSession(
  ender: Tracking & SessionStore,
  sessionSecret: string,
): Promise<ClientSession | undefined> {
  return endSessionOfDigest(ender, digestSecret(sessionSecret));
}

/** Like `endSession`, but takes the session's table key. */
export async function endSessionOfDigest(
  ender: Tracking & SessionStore,
  sessionDigest: string,
): Promise<ClientSession | undefined> {
  const { Attributes } = await ender.db.send(
    new DeleteCommand({
      TableName: ender.sessionsTable,
      Key: { session_digest: sessionDigest },
      ReturnValues: "ALL_OLD",
    }),
  );
  if (!Attributes) return undefined;
  const session = clientSessionSchema.parse(Attributes);
  await trackEvent(ender, "session_ended", session, { session_id: session.session_id });
  return session;
}
