import { canonicalIp } from "../events/ip-address.ts";
import type { OAuthEvent } from "../events/oauth-event.ts";
import { type Tracking, trackEvent } from "../events/track-event.ts";
import type { AccessToken, TokenStore } from "./access-token.ts";
import { previousUse } from "./previous-use.ts";
import { recordTokenUse } from "./record-token-use.ts";

/** The request in which a token was used. */
export interface TokenRequest {
  readonly endpoint: string;
  readonly method: string;
  readonly ip: string;
  readonly user_agent?: string | undefined;
}

/**
 * Tracks a token's use: sets `last_used_at` to the exact time, and publishes `token_used` with the caller's address.
 */
export async function trackTokenUsage(
  tracking: Tracking & TokenStore,
  token: Pick<AccessToken, "token_digest" | "token_id" | "oauth_client_id" | "user_id">,
  request: TokenRequest,
): Promise<OAuthEvent> {
  const atMs = tracking.clock();
  const ip = canonicalIp(request.ip);
  const use = await recordTokenUse(tracking, token.token_digest, atMs, ip);
  const details = use.status === "active" ? { ...request, ...previousUse(use.token) } : request;
  return trackEvent(tracking, "token_used", token, { ...details }, { atMs });
}
