/**
 * Reasons of `auth_failed` that say that the caller does not hold what it presents: the token, the password or the
 * second factor is not one that anybody was given. An expired or revoked token is no guess, and no token is none.
 */
const GUESS_REASONS: ReadonlySet<string> = new Set([
  // The authorizer's own.
  ...["unknown_token", "unknown_session", "foreign_session"],
  // Tokens of other issuers.
  ...["unknown_issuer", "unknown_key", "invalid_signature", "invalid_dpop_signature"],
  ...["wrong_dpop_key", "wrong_client_certificate", "replayed_dpop_proof"],
  // Sign-ins and token requests at identity providers.
  ...["wrong_password", "unknown_user", "invalid_credentials", "INVALID_CREDENTIALS"],
  ...["invalid_user_credentials", "user_not_found", "invalid_client", "invalid_client_credentials"],
  ...["mfa_failed", "mfa_rejected", "breached_password", "NotAuthorizedException"],
]);

/** Whether the reason of a refusal tells of a guess. */
export function isGuess(reason: unknown): boolean {
  return typeof reason === "string" && GUESS_REASONS.has(reason);
}
