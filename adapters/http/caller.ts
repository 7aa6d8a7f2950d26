import type { Decision } from "../../shared/authorization/authorize.ts";

/** Who calls, as every adapter tells the code behind it. */
export interface Caller {
  /** The OAuth client that the token was issued to. */
  readonly oauth_client_id: string;
  /**
   * The user that the token was issued for.
   *
   * @default - none for a token of a client itself
   */
  readonly user_id?: string;
  /** The token's public id. */
  readonly token_id: string;
  /** The token's scopes, separated by spaces. */
  readonly scope: string;
  /** When the token expires, UTC. */
  readonly expires_at: string;
  /**
   * The session's public id.
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

/** Who calls, by a decision that lets the call in. */
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
