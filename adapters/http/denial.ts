import type { AuthFailure, Decision } from "../../shared/authorization/decision.ts";
import { problemType } from "../../shared/core/errors.ts";

/** Any decision other than "allowed". */
export type DeniedDecision = Exclude<Decision, { outcome: "allowed" }>;

/** The response to a denied call (RFC 6750, section 3), sent as a problem document (RFC 9457). */
export interface Denial {
  readonly status: 400 | 401 | 403 | 503;
  readonly title: string;
  readonly description: string;
  /**
   * An error code from RFC 6750 or a related RFC, or a custom code. Absent if the call had no credentials (RFC 6750,
   * section 3.1) or no decision was possible.
   */
  readonly error?:
    | "invalid_request"
    | "invalid_token"
    | "invalid_dpop_proof"
    | "use_dpop_nonce"
    | "insufficient_scope"
    | "insufficient_user_authentication"
    | "invalid_session"
    /** The caller is blocked, whichever token it uses. RFC 6750 defines no code for this. */
    | "access_denied";
  /** The challenge's scheme. `DPoP` if a proof of possession is required (RFC 9449, section 7.1). */
  readonly scheme?: "Bearer" | "DPoP";
  /** The nonce for the next proof (RFC 9449, section 9). */
  readonly dpopNonce?: string;
  /** The required scopes, separated by spaces. */
  readonly scope?: string;
  /** The required authentication methods and maximum age of the sign-in (RFC 9470, section 3). */
  readonly acrValues?: readonly string[];
  readonly maxAgeSeconds?: number | undefined;
}

/** Failures for which the response says that the DPoP proof is invalid. */
const PROOF_REJECTIONS: ReadonlySet<AuthFailure> = new Set<AuthFailure>([
  "missing_dpop_proof",
  "malformed_dpop_proof",
  "invalid_dpop_signature",
  "foreign_dpop_proof",
  "stale_dpop_proof",
  "wrong_dpop_key",
  "replayed_dpop_proof",
]);

const SESSION_ADVICE = {
  revoked_session: "The session was revoked. Start a new session.",
  missing_session: "The route requires a session. Send its id in Mcp-Session-Id.",
  unknown_session: "The session is unknown. Start a new session.",
  expired_session: "The session has expired. Start a new session.",
  foreign_session: "The session belongs to another client or user. Start your own session.",
} as const;

const BODY_ADVICE = {
  malformed_body:
    "The body is not valid JSON, or is too large. Send valid JSON, or a smaller body.",
  oversized_batch: "The batch has too many messages. Split it into smaller batches.",
} as const;

/** Returns the response to a denied call. The text of a 401 never reveals anything about the token. */
export function toDenial(decision: DeniedDecision): Denial {
  switch (decision.outcome) {
    case "unauthenticated":
      if (decision.dpopNonce !== undefined) {
        return {
          status: 401,
          title: "Unauthorized",
          description: "The DPoP proof must contain the nonce from the DPoP-Nonce header",
          error: "use_dpop_nonce",
          scheme: "DPoP",
          dpopNonce: decision.dpopNonce,
        };
      }
      if (PROOF_REJECTIONS.has(decision.reason)) {
        return {
          status: 401,
          title: "Unauthorized",
          description:
            "The DPoP proof is missing, malformed, already used, too old, or for another request or key",
          error: "invalid_dpop_proof",
          scheme: "DPoP",
        };
      }
      return {
        status: 401,
        title: "Unauthorized",
        description: "The access token is missing, malformed, unknown, expired or revoked",
        ...(decision.reason === "missing_token" ? {} : { error: "invalid_token" }),
        ...(decision.reason === "downgraded_token" && { scheme: "DPoP" }),
      };
    case "invalid_path":
      return {
        status: 400,
        title: "Bad Request",
        description:
          "The path is ambiguous. Send it without dot segments, empty segments, backslashes, encoded slashes or invalid percent-encoding.",
        error: "invalid_request",
      };
    case "insufficient_scope": {
      const scope = decision.requiredScopes.join(" ");
      return {
        status: 403,
        title: "Forbidden",
        description: `The request requires the scope ${scope}`,
        error: "insufficient_scope",
        scope,
      };
    }
    case "insufficient_authentication":
      return {
        status: 401,
        title: "Unauthorized",
        description: "The request requires a different or more recent authentication of the user",
        error: "insufficient_user_authentication",
        acrValues: decision.acrValues,
        maxAgeSeconds: decision.maxAgeSeconds,
      };
    case "blocked":
      return {
        status: 403,
        title: "Forbidden",
        description: "The caller is blocked. Contact the operator of the API.",
        error: "access_denied",
      };
    case "invalid_session":
      return {
        status: 403,
        title: "Forbidden",
        description: SESSION_ADVICE[decision.reason],
        error: "invalid_session",
      };
    case "malformed_request":
      return {
        status: 400,
        title: "Bad Request",
        description: BODY_ADVICE[decision.reason],
        error: "invalid_request",
      };
    case "unavailable":
      return {
        status: 503,
        title: "Service unavailable",
        description: "The access token could not be verified, so the call was denied. Try again.",
      };
  }
}

/** Values that an adapter adds to its challenges. */
export interface ChallengeOptions {
  readonly realm: string;
  /** The accepted DPoP algorithms. Needed only by adapters that can send them in a 401. */
  readonly dpopAlgorithms?: readonly string[];
  /** The URL of the protected resource metadata (RFC 9728, section 5.1). */
  readonly resourceMetadata?: string | undefined;
}

/** Returns the value of `WWW-Authenticate`, or undefined if no decision was possible. */
export function buildChallenge(
  { status, error, description, scope, scheme = "Bearer", acrValues = [], maxAgeSeconds }: Denial,
  { realm, dpopAlgorithms = [], resourceMetadata }: ChallengeOptions,
): string | undefined {
  if (status === 503) return undefined;
  const attributes = [
    `realm="${realm}"`,
    ...(error === undefined ? [] : [`error="${error}"`, `error_description="${description}"`]),
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
    ...(acrValues.length > 0 ? [`acr_values="${acrValues.join(" ")}"`] : []),
    ...(maxAgeSeconds === undefined ? [] : [`max_age="${maxAgeSeconds}"`]),
    ...(scheme === "DPoP" ? [`algs="${dpopAlgorithms.join(" ")}"`] : []),
    ...(resourceMetadata === undefined ? [] : [`resource_metadata="${resourceMetadata}"`]),
  ];
  return `${scheme} ${attributes.join(", ")}`;
}

/** A response that doesn't depend on any server framework. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Returns the full response to a denied call. A REST API sends the same response through its gateway responses. */
export function buildAnswer(
  denial: Denial,
  options: ChallengeOptions,
  requestId: string,
): HttpAnswer {
  const { status, title, description, error, scope, dpopNonce } = denial;
  const challenge = buildChallenge(denial, options);
  return {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      ...(challenge === undefined ? {} : { "WWW-Authenticate": challenge }),
      ...(dpopNonce === undefined ? {} : { "DPoP-Nonce": dpopNonce }),
      ...(status === 503 ? { "Retry-After": "1" } : {}),
    },
    body: JSON.stringify({
      type: problemType(title),
      title,
      status,
      detail: description,
      ...(error === undefined ? {} : { error }),
      ...(scope === undefined ? {} : { scope }),
      request_id: requestId,
    }),
  };
}
