import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { toInstant } from "../core/clock.ts";
import { parseInput } from "../core/faults.ts";
import { identifierSchema } from "../events/identifiers.ts";
import { identityOfNamedToken } from "../events/token-identity.ts";
import type { Tracking } from "../events/track-event.ts";
import type { AccessToken, TokenStore } from "./access-token.ts";
import { expiryAttributes } from "./expiry-attributes.ts";
import { markRevoked, TokenNotFoundError } from "./revoke-token.ts";
import { LONGEST_LIFETIME_MS } from "./revoked-holders.ts";

const namedTokenSchema = z.strictObject({
  issuer: z.url().max(512),
  jti: z.string().min(1).max(512),
  clientId: identifierSchema,
  userId: identifierSchema.optional(),
});

/** A token from another issuer, identified by `iss` and `jti`. */
export type NamedToken = z.input<typeof namedTokenSchema>;

/**
 * Revokes another issuer's token by `jti`, even if the token was never used here, and publishes `token_revoked`. An
 * unused token's expiry is unknown, so its revocation is kept for the longest allowed token lifetime.
 *
 * @throws InvalidInputError if the request isn't valid
 */
export async function revokeNamedToken(
  revoker: Tracking & TokenStore & { readonly config: MonitoringConfig },
  named: NamedToken,
): Promise<AccessToken> {
  const { issuer, jti, clientId, userId } = parseInput(namedTokenSchema, "the token", named);
  const { token_digest, token_id } = identityOfNamedToken(issuer, jti);
  const nowMs = revoker.clock();
  const expiry = expiryAttributes(token_digest, nowMs + LONGEST_LIFETIME_MS, revoker.config);
  const item: Record<string, unknown> = {
    token_id,
    issuer,
    oauth_client_id: clientId,
    ...(userId !== undefined && { user_id: userId }),
    scopes: [],
    issued_at: toInstant(nowMs),
    never_seen: true,
    ...expiry,
  };
  const names = Object.keys(item);
  await revoker.db
    .send(
      new UpdateCommand({
        TableName: revoker.tokensTable,
        Key: { token_digest },
        UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(", ")}`,
        ConditionExpression: "attribute_not_exists(token_digest)",
        ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: Object.fromEntries(
          names.map((name) => [`:${name}`, item[name]]),
        ),
      }),
    )
    .catch((error: unknown) => {
      // The token is already stored.
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    });
  const token = await markRevoked(revoker, token_digest, nowMs);
  if (!token) throw new TokenNotFoundError(token_id);
  return token;
}
