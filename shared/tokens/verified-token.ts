import type { AccessToken } from "./access-token.ts";

/** To whom a token is bound (RFC 7800): whoever uses it must prove possession. */
export interface Confirmation {
  /** The SHA-256 thumbprint of the DPoP key (RFC 9449, section 6). */
  readonly keyThumbprint?: string | undefined;
  /** The SHA-256 thumbprint of the client certificate (RFC 8705, section 3.1). */
  readonly certificateThumbprint?: string | undefined;
}

/** A token of another issuer, of which its issuer's word is verified. The store may not know it yet. */
export interface VerifiedToken {
  /** What the claims say, as the store keeps it. */
  readonly token: AccessToken;
  /** `iss`, as configured. */
  readonly issuer: string;
  /** The user's session with the issuer. */
  readonly sessionId?: string | undefined;
  readonly confirmation: Confirmation;
  /** How (`acr`) the user signed in. */
  readonly authenticationClasses: readonly string[];
  /** When the user signed in, epoch milliseconds (`auth_time`). */
  readonly authenticatedAtMs?: number | undefined;
}
