/** `reason` of `auth_failed` for a refresh token that is revoked, has expired or belongs to an ended session. */
export const REFRESH_TOKEN_INVALID = "refresh_token_invalid";
