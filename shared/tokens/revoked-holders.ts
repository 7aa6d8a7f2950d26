import { createHash } from "node:crypto";
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { DAY_MS, instantSchema, toEpochSeconds, toInstant } from "../core/clock.ts";
import { parseInput } from "../core/faults.ts";
import { shardOf } from "../core/shards.ts";
import { identifierSchema } from "../events/identifiers.ts";
import { type Tracking, trackEvent } from "../events/track-event.ts";
import type { TokenStore } from "./access-token.ts";
import type { VerifiedToken } from "./verified-token.ts";

/** A user, a client or a session of another issuer, by its id in events (with the issuer's `idPrefix`). */
export interface TokenHolder {
  readonly kind: "user" | "client" | "session";
  readonly id: string;
}

const holderSchema = z.strictObject({
  kind: z.enum(["user", "client", "session"]),
  id: identifierSchema,
});

/** No token of another issuer lives longer, so no revocation needs to be kept longer. */
export const LONGEST_LIFETIME_MS = 366 * DAY_MS;

/**
 * Copies of a holder's item. Every call of a client reads one of its copies, the one of the token, and a partition
 * answers about 3,000 such reads a second.
 */
const COPIES = { user: 1, client: 16, session: 1 } as const;

const keyOf = ({ kind, id }: TokenHolder, copy: number) =>
  `revoked:${kind}:${createHash("sha256").update(id).digest("hex")}:${copy}`;

const revokedHolderSchema = z.object({ revoked_before: instantSchema });

/** The keys of the items that say whether a token's user, client or session is revoked. */
export function holderKeys({
  token,
  sessionId,
}: VerifiedToken): { readonly token_digest: string }[] {
  const holders: TokenHolder[] = [{ kind: "client", id: token.oauth_client_id }];
  if (token.user_id !== undefined) holders.push({ kind: "user", id: token.user_id });
  if (sessionId !== undefined) holders.push({ kind: "session", id: sessionId });
  return holders.map((holder) => ({
    token_digest: keyOf(holder, shardOf(token.token_digest, COPIES[holder.kind])),
  }));
}

/**
 * When a token was revoked by its user, client or session; undefined when it was issued later. The issuer's times
 * are whole seconds, so a token of the second in which its holder was revoked counts as issued before.
 *
 * @param items those of `holderKeys` that exist
 */
export function revokedWithHolder(
  { token }: VerifiedToken,
  items: readonly Record<string, unknown>[],
): string | undefined {
  return items
    .map((item) => revokedHolderSchema.parse(item).revoked_before)
    .filter((before) => token.issued_at < before)
    .sort()
    .at(-1);
}

/**
 * Revokes every token that other issuers have issued to a user, a client or a session up to now, known here or not,
 * and publishes `access_revoked`. The next call with such a token is refused; a token issued afterwards is let in.
 *
 * @throws InvalidInputError when the holder is not valid
 */
export async function revokeHolder(
  revoker: Tracking & TokenStore,
  holder: TokenHolder,
): Promise<{ readonly revoked_before: string }> {
  const { kind, id } = parseInput(holderSchema, "the holder", holder);
  const nowMs = revoker.clock();
  const revoked_before = toInstant(nowMs);
  await markHolderRevoked(revoker, { kind, id }, revoked_before, nowMs);
  const subject = {
    oauth_client_id: kind === "client" ? id : undefined,
    user_id: kind === "user" ? id : undefined,
  };
  await trackEvent(
    revoker,
    "access_revoked",
    subject,
    { holder: kind, revoked_before, ...(kind === "session" && { session_id: id }) },
    { atMs: nowMs },
  );
  return { revoked_before };
}

/**
 * Keeps that the tokens of other issuers of a user, a client or a session are revoked if they were issued before an
 * instant. Calls read it with the token.
 */
export async function markHolderRevoked(
  store: TokenStore,
  { kind, id }: TokenHolder,
  revoked_before: string,
  nowMs: number,
): Promise<void> {
  await Promise.all(
    Array.from({ length: COPIES[kind] }, (_, copy) =>
      store.db
        .send(
          new UpdateCommand({
            TableName: store.tokensTable,
            Key: { token_digest: keyOf({ kind, id }, copy) },
            UpdateExpression: "SET revoked_before = :now, ttl_epoch_seconds = :ttl",
            ConditionExpression: "attribute_not_exists(revoked_before) OR revoked_before < :now",
            ExpressionAttributeValues: {
              ":now": revoked_before,
              ":ttl": toEpochSeconds(nowMs + LONGEST_LIFETIME_MS),
            },
          }),
        )
        .catch((error: unknown) => {
          // Another revocation, of this moment or a later one, holds.
          if (!(error instanceof ConditionalCheckFailedException)) throw error;
        }),
    ),
  );
}
