import { type AuthorizerContext, authorize } from "../../shared/authorization/authorize.ts";
import type { Decision } from "../../shared/authorization/decision.ts";
import type { ProtectedRequest } from "../../shared/authorization/protected-request.ts";
import { createBufferedSink } from "../../shared/events/event-sink.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";

/** The dependencies of a decision. `sink` receives the events after the response. */
export type AdapterContext = Omit<AuthorizerContext, "defer">;

/** A decision, with the work that can run after the response. */
export interface DecidedCall {
  readonly decision: Decision;
  /**
   * Runs the deferred work and returns the events that `publish` will send.
   *
   * @param onFailure called with the error of each failed task
   */
  track(onFailure: (error: unknown) => void): Promise<readonly OAuthEvent[]>;
  /** Publishes the events. Rejects if they could be neither published nor spooled. */
  publish(): Promise<void>;
}

/** Decides whether to allow a call. The response doesn't have to wait for `track` or `publish`. */
export async function decide(
  context: AdapterContext,
  request: ProtectedRequest,
): Promise<DecidedCall> {
  const sink = createBufferedSink(context.sink);
  const deferred: (() => Promise<unknown>)[] = [];
  const decision = await authorize(
    { ...context, sink, defer: (task) => deferred.push(task) },
    request,
  );
  return {
    decision,
    async track(onFailure) {
      const outcomes = await Promise.allSettled(deferred.splice(0).map((task) => task()));
      for (const outcome of outcomes) if (outcome.status === "rejected") onFailure(outcome.reason);
      return sink.gathered;
    },
    publish: () => sink.flush(),
  };
}

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
