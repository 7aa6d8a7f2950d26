import { createHash } from "node:crypto";
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { DAY_MS, instantSchema, toEpochSeconds, toInstant } from "../core/clock.ts";
import { computeShard } from "../core/document-client.ts";
import { parseInput } from "../core/errors.ts";
import { identifierSchema } from "../events/identifiers.ts";
import { trackEvent } from "../events/track-event.ts";
import type { TokenStore, VerifiedToken } from "./access-token.ts";

/**
 * A principal from another issuer: a user, client or session, with its ID from events (including the issuer's
 * `idPrefix`).
 */
export interface TokenPrincipal {
  readonly kind: "user" | "client" | "session";
  readonly id: string;
}

const principalSchema = z.strictObject({
  kind: z.enum(["user", "client", "session"]),
  id: identifierSchema,
});

/** Longest accepted lifetime for another issuer's token. Revocations are kept for this long. */
export const LONGEST_LIFETIME_MS = 366 * DAY_MS;

/**
 * Number of copies of a principal's revocation item. Every call reads one copy, and a partition serves only about 3,000
 * such reads per second. A client's calls are therefore spread across several copies by token.
 */
const COPIES = { user: 1, client: 16, session: 1 } as const;

const getKey = ({ kind, id }: TokenPrincipal, copy: number) =>
  `revoked:${kind}:${createHash("sha256").update(id).digest("hex")}:${copy}`;

const revokedPrincipalSchema = z.object({ revoked_before: instantSchema });

/** Returns the keys of the items that store revocations for a token's user, client and session. */
export function principalKeys({
  token,
  sessionId,
}: VerifiedToken): { readonly token_digest: string }[] {
  const principals: TokenPrincipal[] = [{ kind: "client", id: token.oauth_client_id }];
  if (token.user_id !== undefined) principals.push({ kind: "user", id: token.user_id });
  if (sessionId !== undefined) principals.push({ kind: "session", id: sessionId });
  return principals.map((principal) => ({
    token_digest: getKey(principal, computeShard(token.token_digest, COPIES[principal.kind])),
  }));
}

/**
 * Returns when a token's user, client or session was revoked, or undefined if the token was issued later. Issuers
 * record times in whole seconds, so a token issued in the same second as the revocation counts as issued before it.
 *
 * @param items existing items of `principalKeys`
 */
export function revokedWithPrincipal(
  { token }: VerifiedToken,
  items: readonly Record<string, unknown>[],
): string | undefined {
  return items
    .map((item) => revokedPrincipalSchema.parse(item).revoked_before)
    .filter((before) => token.issued_at < before)
    .sort()
    .at(-1);
}

/**
 * Revokes every token that other issuers have issued to a user, client or session so far, even tokens not
 * used here yet, and publishes `access_revoked`. The next call with such a token is denied; tokens issued
 * afterwards are allowed.
 *
 * @example
 * ```typescript
 * await revokePrincipal(openMonitoring(), { kind: "user", id: "ada" });
 * ```
 * @throws InvalidInputError if the principal isn't valid
 */
export async function revokePrincipal(
  context: Pick<MonitoringContext, "db" | "tokensTable" | "clock" | "sink">,
  principal: TokenPrincipal,
): Promise<{ readonly revoked_before: string }> {
  const { kind, id } = parseInput(principalSchema, "the principal", principal);
  const nowMs = context.clock();
  const revoked_before = toInstant(nowMs);
  await markPrincipalRevoked(context, { kind, id }, revoked_before, nowMs);
  const subject = {
    oauth_client_id: kind === "client" ? id : undefined,
    user_id: kind === "user" ? id : undefined,
  };
  await trackEvent(
    context,
    "access_revoked",
    subject,
    { principal: kind, revoked_before, ...(kind === "session" && { session_id: id }) },
    { atMs: nowMs },
  );
  return { revoked_before };
}

/**
 * Stores a revocation for a user, client or session: tokens that other issuers issued before `revoked_before` are
 * denied. Every call reads this item along with the token.
 */
export async function markPrincipalRevoked(
  store: TokenStore,
  { kind, id }: TokenPrincipal,
  revoked_before: string,
  nowMs: number,
): Promise<void> {
  await Promise.all(
    Array.from({ length: COPIES[kind] }, (_, copy) =>
      store.db
        .send(
          new UpdateCommand({
            TableName: store.tokensTable,
            Key: { token_digest: getKey({ kind, id }, copy) },
            UpdateExpression: "SET revoked_before = :now, ttl_epoch_seconds = :ttl",
            ConditionExpression: "attribute_not_exists(revoked_before) OR revoked_before < :now",
            ExpressionAttributeValues: {
              ":now": revoked_before,
              ":ttl": toEpochSeconds(nowMs + LONGEST_LIFETIME_MS),
            },
          }),
        )
        .catch((error: unknown) => {
          // A concurrent or later revocation already applies.
          if (!(error instanceof ConditionalCheckFailedException)) throw error;
        }),
    ),
  );
}
