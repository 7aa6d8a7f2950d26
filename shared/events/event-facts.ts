/**
 * `reason` values of `auth_failed` that count as a credential guess: the presented token, password or second
 * factor was never issued to anyone. Expired, revoked and missing tokens don't count.
 */
const CREDENTIAL_GUESS_REASONS: ReadonlySet<string> = new Set([
  // From the authorizer.
  "unknown_token",
  "unknown_session",
  "foreign_session",
  // Tokens from other issuers.
  "unknown_issuer",
  "unknown_key",
  "invalid_signature",
  "invalid_dpop_signature",
  "wrong_dpop_key",
  "wrong_client_certificate",
  "replayed_dpop_proof",
  // Sign-ins and token requests at identity providers.
  "wrong_password",
  "unknown_user",
  "invalid_credentials",
  "INVALID_CREDENTIALS",
  "invalid_user_credentials",
  "user_not_found",
  "invalid_client",
  "invalid_client_credentials",
  "mfa_failed",
  "mfa_rejected",
  "breached_password",
  "NotAuthorizedException",
]);

/** Whether a call was denied because of a credential guess. */
export function isCredentialGuess(reason: unknown): boolean {
  return typeof reason === "string" && CREDENTIAL_GUESS_REASONS.has(reason);
}

/** `reason` of `auth_failed` for a refresh token that is revoked, has expired or belongs to an ended session. */
export const REFRESH_TOKEN_INVALID = "refresh_token_invalid";

/** The device grant (RFC 8628, section 3.4), under the names that providers use. */
const DEVICE_GRANTS: ReadonlySet<string> = new Set([
  "urn:ietf:params:oauth:grant-type:device_code",
  "device_code",
  // Auth0's log code.
  "sede",
]);

/** Whether an event is about a token issued for a device code. */
export function isDeviceGrant(data: Readonly<Record<string, unknown>>): boolean {
  return [data.grant_type, data.provider_event_type].some(
    (value) => typeof value === "string" && DEVICE_GRANTS.has(value),
  );
}
