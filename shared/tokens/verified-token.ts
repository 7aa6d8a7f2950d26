import type { AccessToken } from "./access-token.ts";

/** The keys that a token is bound to (RFC 7800). The caller must prove possession of them. */
export interface Confirmation {
  /** SHA-256 thumbprint of the DPoP key (RFC 9449, section 6). */
  readonly keyThumbprint?: string | undefined;
  /** SHA-256 thumbprint of the client certificate (RFC 8705, section 3.1). */
  readonly certificateThumbprint?: string | undefined;
}

/** A verified token from another issuer. It may not be stored yet. */
export interface VerifiedToken {
  /** The claims, in the form of a stored token. */
  readonly token: AccessToken;
  /** `iss`, as configured. */
  readonly issuer: string;
  /** The user's session at the issuer. */
  readonly sessionId?: string | undefined;
  readonly confirmation: Confirmation;
  /** Authentication context classes of the sign-in (`acr`). */
  readonly authenticationClasses: readonly string[];
  /** Time of the sign-in (`auth_time`) in epoch milliseconds. */
  readonly authenticatedAtMs?: number | undefined;
}
