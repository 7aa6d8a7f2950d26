import type { Decision } from "../../shared/authorization/decision.ts";

/** The authenticated caller, as every adapter passes it to the application. */
export interface Caller {
  /** The OAuth client that the token was issued to. */
  readonly oauth_client_id: string;
  /**
   * The user that authorized the token.
   *
   * @default - none if the token was issued to the client itself
   */
  readonly user_id?: string;
  /** The token's public ID. */
  readonly token_id: string;
  /** The token's scopes, separated by spaces. */
  readonly scope: string;
  /** The token's expiry time in UTC. */
  readonly expires_at: string;
  /**
   * The session's public ID.
   *
   * @default - none, unless the route requires a session
   */
  readonly session_id?: string;
  /**
   * The session's scopes, separated by spaces.
   *
   * @default - none, unless the route requires a session
   */
  readonly session_scope?: string;
}

/** Returns the caller if the call was allowed. */
export function callerOfDecision({
  token,
  session,
}: Extract<Decision, { outcome: "allowed" }>): Caller {
  return {
    oauth_client_id: token.oauth_client_id,
    token_id: token.token_id,
    scope: token.scopes.join(" "),
    expires_at: token.expires_at,
    ...(token.user_id === undefined ? {} : { user_id: token.user_id }),
    ...(session === undefined
      ? {}
      : { session_id: session.session_id, session_scope: session.scopes.join(" ") }),
  };
}
