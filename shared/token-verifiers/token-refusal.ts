/** Why another issuer's token is denied, as published in events. */
export type TokenRefusal =
  /** Not a JWS in compact form, or its JSON is invalid, ambiguous or nested too deeply. */
  | "malformed_jwt"
  /** Encrypted (RFC 7516). */
  | "encrypted_jwt"
  /** The header requires an extension (`crit`, `b64`). */
  | "unsupported_jwt_header"
  | "forbidden_algorithm"
  | "unknown_issuer"
  /** The issuer publishes no key with the token's key id. */
  | "unknown_key"
  | "invalid_signature"
  /** An ID token, or another token that isn't for an API. */
  | "wrong_token_type"
  | "wrong_audience"
  | "wrong_client"
  /** A required claim is missing or invalid. */
  | "invalid_claims"
  | "token_not_yet_valid"
  | "expired_token"
  /** The issuer reports the token as unknown, expired or revoked. */
  | "inactive_token"
  /** The configuration requires a token bound to a key. */
  | "unconstrained_token";
