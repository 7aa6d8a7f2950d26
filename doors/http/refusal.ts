import type { Decision } from "../../shared/authorization/authorize.ts";

/** A decision that does not let the call in. */
export type RefusedDecision = Exclude<Decision, { outcome: "allowed" }>;

/** What a refused call is answered: RFC 6750, section 3, in a problem document (RFC 9457). */
export interface Refusal {
  readonly status: 401 | 403 | 503;
  readonly title: string;
  readonly description: string;
  /**
   * RFC 6750's error code, or `invalid_session`. A call without any credentials has none (RFC 6750, section
   * 3.1), nor has a call that could not be decided.
   */
  readonly error?: "invalid_token" | "insufficient_scope" | "invalid_session";
  /** The scopes that the call needs, separated by spaces. */
  readonly scope?: string;
}

const SESSION_ADVICE = {
  missing_session: "The route needs a session: send its id as Mcp-Session-Id",
  unknown_session: "The session is not known: start a new one",
  expired_session: "The session has expired: start a new one",
  foreign_session: "The session belongs to another client or user: start your own",
} as const;

/** The refusal that a decision asks for. Every 401 has one text, which says nothing about the token. */
export function refusalOf(decision: RefusedDecision): Refusal {
  switch (decision.outcome) {
    case "unauthenticated":
      return {
        status: 401,
        title: "Unauthorized",
        description: "The access token is missing, malformed, unknown, expired or revoked",
        ...(decision.reason === "missing_token" ? {} : { error: "invalid_token" }),
      };
    case "insufficient_scope": {
      const scope = decision.requiredScopes.join(" ");
      return {
        status: 403,
        title: "Forbidden",
        description: `The request needs the scope ${scope}`,
        error: "insufficient_scope",
        scope,
      };
    }
    case "invalid_session":
      return {
        status: 403,
        title: "Forbidden",
        description: SESSION_ADVICE[decision.reason],
        error: "invalid_session",
      };
    case "unavailable":
      return {
        status: 503,
        title: "Service unavailable",
        description: "The access token could not be checked, so the call was refused. Try again.",
      };
  }
}

/** What a door adds to its challenges. */
export interface ChallengeOptions {
  readonly realm: string;
  /** Where the protected resource metadata is (RFC 9728, section 5.1). */
  readonly resourceMetadata?: string | undefined;
}

/** The value of `WWW-Authenticate`; undefined for a call that could not be decided. */
export function challengeOf(
  { status, error, description, scope }: Refusal,
  { realm, resourceMetadata }: ChallengeOptions,
): string | undefined {
  if (status === 503) return undefined;
  const attributes = [
    `realm="${realm}"`,
    ...(error === undefined ? [] : [`error="${error}"`, `error_description="${description}"`]),
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
    ...(resourceMetadata === undefined ? [] : [`resource_metadata="${resourceMetadata}"`]),
  ];
  return `Bearer ${attributes.join(", ")}`;
}

/** An HTTP answer, free of any server's types. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The whole answer to a refused call. A REST API gives the same by its gateway responses. */
export function answerOf(
  refusal: Refusal,
  options: ChallengeOptions,
  requestId: string,
): HttpAnswer {
  const { status, title, description, error, scope } = refusal;
  const challenge = challengeOf(refusal, options);
  return {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      ...(challenge === undefined ? {} : { "WWW-Authenticate": challenge }),
      ...(status === 503 ? { "Retry-After": "1" } : {}),
    },
    body: JSON.stringify({
      type: `urn:oauth-monitoring:problem:${title.toLowerCase().replaceAll(" ", "-")}`,
      title,
      status,
      detail: description,
      ...(error === undefined ? {} : { error }),
      ...(scope === undefined ? {} : { scope }),
      request_id: requestId,
    }),
  };
}
