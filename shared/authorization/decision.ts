import type { EventData } from "../events/event-data.ts";
import type { EventSubject } from "../events/track-event.ts";
import type { PossessionRejection, TokenRejection } from "../token-verifiers/rejections.ts";
import type { AccessToken } from "../tokens/access-token.ts";
import type { ClientSession } from "../tokens/client-session.ts";
import { previousUse } from "../tokens/token-use.ts";
import type { BodyFailure } from "./protected-request.ts";
import type { PathError } from "./request-path.ts";

/** Why a call isn't authenticated. */
export type AuthFailure =
  | "missing_token"
  | "malformed_token"
  | "unknown_token"
  | "expired_token"
  | "revoked_token"
  | TokenRejection
  | PossessionRejection
  /** The DPoP proof has already been used (RFC 9449, section 11.1). */
  | "replayed_dpop_proof";

/** Why a session is rejected. */
export type SessionFailure =
  /** An action revoked the session, its user or its client. */
  "revoked_session" | "missing_session" | "unknown_session" | "expired_session" | "foreign_session";

/** The kind of target that is blocked. */
export type BlockReason =
  | "blocked_token"
  | "blocked_user"
  | "blocked_client"
  | "blocked_session"
  | "blocked_address"
  | "blocked_network";

/** The authorizer's decision. */
export type Decision =
  | { readonly outcome: "allowed"; readonly token: AccessToken; readonly session?: ClientSession }
  | {
      readonly outcome: "unauthenticated";
      readonly reason: AuthFailure;
      /** The nonce for the caller's next DPoP proof (RFC 9449, section 9). */
      readonly dpopNonce?: string | undefined;
    }
  | {
      readonly outcome: "insufficient_scope";
      readonly token: AccessToken;
      readonly requiredScopes: readonly string[];
    }
  | {
      readonly outcome: "invalid_session";
      readonly token: AccessToken;
      readonly reason: SessionFailure;
    }
  /** The path is invalid or ambiguous, so no route rule can be chosen. */
  | { readonly outcome: "invalid_path"; readonly reason: PathError }
  /** The user must sign in again or with another method (RFC 9470). */
  | {
      readonly outcome: "insufficient_authentication";
      readonly token: AccessToken;
      readonly acrValues: readonly string[];
      readonly maxAgeSeconds: number | undefined;
    }
  /** An action blocked the caller's address, network, token, user, client or session. */
  | {
      readonly outcome: "blocked";
      readonly reason: BlockReason;
      /** Undefined if the address is blocked and the token is unknown. */
      readonly knownToken: AccessToken | undefined;
    }
  /** The body is malformed, or its batch is too large. */
  | {
      readonly outcome: "malformed_request";
      readonly token: AccessToken;
      readonly reason: BodyFailure;
    }
  /** DynamoDB or the token's issuer did not respond, so the call is denied. */
  | { readonly outcome: "unavailable" };

/** A decision, with the facts that only its event contains. */
export interface Verdict {
  readonly decision: Decision;
  /** The denied client, user and token, if they are known but not part of the decision. */
  readonly subject?: EventSubject | undefined;
  /** Event data that isn't part of the decision, such as the action that blocked the caller. */
  readonly data?: EventData | undefined;
  /** Event details from the call's body, which may contain secrets. */
  readonly bodyDetails?: EventData | undefined;
  /** Whether the blocked caller's token is active. */
  readonly isActive?: boolean;
}

/** The event type for each outcome. */
export const EVENT_TYPES = {
  allowed: "token_used",
  insufficient_scope: "scope_violation",
  unauthenticated: "auth_failed",
  invalid_session: "auth_failed",
  invalid_path: "auth_failed",
  insufficient_authentication: "auth_failed",
  blocked: "auth_failed",
  malformed_request: "auth_failed",
  unavailable: "auth_unavailable",
} as const satisfies Record<Decision["outcome"], string>;

/** The event for a decision, without the description of the call. */
export interface DecisionEvent {
  readonly type: (typeof EVENT_TYPES)[Decision["outcome"]];
  readonly subject: EventSubject | undefined;
  readonly data: EventData;
  /** Whether the caller has an active token. */
  readonly isKnown: boolean;
}

/** Maps a decision to its event. */
export function decisionEvent({
  decision,
  subject,
  data,
  isActive = false,
}: Verdict): DecisionEvent {
  const type = EVENT_TYPES[decision.outcome];
  const reason = "reason" in decision ? { reason: decision.reason } : {};
  switch (decision.outcome) {
    case "allowed": {
      const { token } = decision;
      return { type, subject: token, data: { ...data, ...previousUse(token) }, isKnown: true };
    }
    case "insufficient_authentication": {
      const { token, acrValues, maxAgeSeconds } = decision;
      const requirements = {
        reason: decision.outcome,
        acr_values: acrValues,
        ...(maxAgeSeconds !== undefined && { max_age: maxAgeSeconds }),
      };
      return { type, subject: token, data: { ...data, ...requirements }, isKnown: true };
    }
    case "insufficient_scope":
    case "invalid_session":
    case "malformed_request":
      return { type, subject: decision.token, data: { ...data, ...reason }, isKnown: true };
    case "blocked":
      return {
        type,
        subject: decision.knownToken,
        data: { ...data, ...reason },
        isKnown: isActive,
      };
    default:
      return { type, subject, data: { ...data, ...reason }, isKnown: false };
  }
}
