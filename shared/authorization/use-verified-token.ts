import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { SECOND_MS } from "../core/clock.ts";
import { batchGetAll } from "../core/document-client.ts";
import { type Tracking, trackEvent } from "../events/track-event.ts";
import type { TokenStore, VerifiedToken } from "../tokens/access-token.ts";
import { type CredentialStore, listTokenInUse } from "../tokens/credentials.ts";
import { recordVerifiedUse, type VerifiedUse, verifiedUse } from "../tokens/record-verified-use.ts";
import { markRevoked } from "../tokens/revoke-token.ts";
import { principalKeys, revokedWithPrincipal } from "../tokens/revoked-principals.ts";
import { type ProofIdentity, useProof } from "../tokens/used-proofs.ts";

/** Dependencies of `useVerifiedToken`. */
export type TokenUseContext = Tracking &
  TokenStore &
  CredentialStore & {
    readonly config: Pick<MonitoringConfig, "shards" | "retention" | "tracking">;
    readonly defer: (task: () => Promise<unknown>) => void;
  };

/** The result of recording a verified token's use. */
export interface VerifiedUseOutcome {
  readonly use: VerifiedUse["use"];
  /** Whether the proof of possession has already been used. */
  readonly isReplay: boolean;
}

/** Maximum attempts to read keys that DynamoDB left unprocessed. Low, because a caller is waiting. */
const READ_ATTEMPTS = 3;

/** The call in which a token is used. */
export interface TokenCall {
  readonly atMs: number;
  readonly ip: string;
  readonly proof: ProofIdentity | undefined;
}

/**
 * Uses a verified token in one round trip to DynamoDB: records the use, reads revocations and stores the proof of
 * possession, all in parallel. Defers writes that the decision doesn't depend on.
 *
 * @throws any error from DynamoDB
 */
export async function useVerifiedToken(
  context: TokenUseContext,
  verified: VerifiedToken,
  { atMs, ip, proof }: TokenCall,
): Promise<VerifiedUseOutcome> {
  const { token_digest } = verified.token;
  const intervalMs = context.config.tracking.lastUsedIntervalSeconds * SECOND_MS;
  const isWrittenNow = intervalMs === 0;
  const keys = principalKeys(verified);
  const [recorded, items, isFresh] = await Promise.all([
    isWrittenNow ? recordVerifiedUse(context, verified, atMs, ip) : undefined,
    batchGetAll(
      context.db,
      context.tokensTable,
      isWrittenNow ? keys : [{ token_digest }, ...keys],
      { consistent: true, maxAttempts: READ_ATTEMPTS },
    ),
    proof ? useProof(context, proof) : true,
  ]);
  const item = items.find((each) => each.token_digest === token_digest);
  const use = recorded?.use ?? verifiedUse(verified, item);
  const isDue = recorded ? !recorded.isRecorded : isUseDue(use, item, { atMs, ip, intervalMs });
  const revokedAt = revokedWithPrincipal(
    verified,
    items.filter((each) => each !== item),
  );
  const outcome = { use, isReplay: !isFresh };
  if (recorded?.isFirst) context.defer(() => trackFirstUse(context, verified, atMs));
  if (use.status !== "active") return outcome;
  if (isDue || revokedAt !== undefined || !use.token.listed) {
    context.defer(async () => {
      const later = isDue ? await recordVerifiedUse(context, verified, atMs, ip) : undefined;
      if (later?.isFirst) await trackFirstUse(context, verified, atMs);
      if (!use.token.listed) await listTokenInUse(context, use.token);
      // Mark the token itself, so that statistics count it as revoked and the next call sees the revocation directly.
      if (revokedAt !== undefined) await markRevoked(context, token_digest, Date.parse(revokedAt));
    });
  }
  return revokedAt === undefined ? outcome : { ...outcome, use: { ...use, status: "revoked" } };
}

function isUseDue(
  { token }: VerifiedUse["use"],
  item: Record<string, unknown> | undefined,
  {
    atMs,
    ip,
    intervalMs,
  }: { readonly atMs: number; readonly ip: string; readonly intervalMs: number },
): boolean {
  if (!item || token.last_used_at === undefined || token.last_used_ip !== ip) return true;
  return atMs - Date.parse(token.last_used_at) >= intervalMs;
}

/**
 * Publishes `token_seen` for a token's first use. Statistics count it as an issued token, with the token's own issue
 * and expiry times.
 */
function trackFirstUse(context: TokenUseContext, { token, issuer }: VerifiedToken, atMs: number) {
  const { scopes, issued_at, expires_at } = token;
  return trackEvent(
    context,
    "token_seen",
    token,
    { issuer, scopes, issued_at, expires_at },
    { atMs },
  );
}
