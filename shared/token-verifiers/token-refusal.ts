/** Why a token of another issuer is refused, as events say it. */
export type TokenRefusal =
  /** It is no JWS in compact form, or its JSON is broken, ambiguous or nested too deeply. */
  | "malformed_jwt"
  /** It is encrypted (RFC 7516). */
  | "encrypted_jwt"
  /** Its header asks for an extension (`crit`, `b64`). */
  | "unsupported_jwt_header"
  | "forbidden_algorithm"
  | "unknown_issuer"
  /** The issuer publishes no key with the id that the token names. */
  | "unknown_key"
  | "invalid_signature"
  /** It is an ID token or another token that is not for an API. */
  | "wrong_token_type"
  | "wrong_audience"
  | "wrong_client"
  /** A claim that is needed is missing, or has no sense. */
  | "invalid_claims"
  | "token_not_yet_valid"
  | "expired_token"
  /** The issuer says that the token is unknown, expired or revoked. */
  | "inactive_token"
  /** The configuration asks for a token that is bound to a key. */
  | "unconstrained_token";
