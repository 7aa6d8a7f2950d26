import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { SECOND_MS } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { cutText } from "../events/cut-text.ts";
import type { EventData } from "../events/event-data.ts";
import {
  percentDecoded,
  redactDecoded,
  withoutPrefixed,
  withoutTokens,
} from "../events/redact-text.ts";
import { type EventSubject, type Tracking, trackEvent } from "../events/track-event.ts";
import { scopeCheck, trackScopeValidation } from "../events/track-scope-validation.ts";
import type { PossessionRefusal } from "../token-verifiers/possession.ts";
import type { TokenRefusal } from "../token-verifiers/token-refusal.ts";
import type { AccessToken, TokenStore } from "../tokens/access-token.ts";
import { type ClientSession, findSession, type SessionStore } from "../tokens/client-session.ts";
import type { HoldingStore } from "../tokens/holdings.ts";
import { listTokenInUse } from "../tokens/list-token.ts";
import { previousUse } from "../tokens/previous-use.ts";
import { findToken, recordTokenUse, type TokenUse } from "../tokens/record-token-use.ts";
import { markRevoked } from "../tokens/revoke-token.ts";
import { digestSecret } from "../tokens/token-secret.ts";
import type { TokenRequest } from "../tokens/track-token-usage.ts";
import type { VerifiedToken } from "../tokens/verified-token.ts";
import { recordAdministrator } from "./administrator-records.ts";
import { type Credentials, parseBearerCredentials } from "./bearer-token.ts";
import type { BodyFailure, BodyReader } from "./call-body.ts";
import type { HeldRestrictions, RestrictedHolder } from "./held-restrictions.ts";
import type { OtherIssuers } from "./other-issuers.ts";
import type { PathError, RoutedPath } from "./request-path.ts";
import {
  ADMIN_SCOPE,
  RESPOND_SCOPE,
  type RequiredAccess,
  requiredAccess,
  routePattern,
  withScopes,
} from "./required-access.ts";
import type { Restrictions } from "./restrictions.ts";

/** A call to a protected route, as the gateway received it. */
export interface ProtectedRequest {
  readonly method: string;
  /** The path without the query string, which may contain secrets. */
  readonly path: string;
  /** All `Authorization` header fields. */
  readonly authorization: readonly string[];
  /** The `Mcp-Session-Id` header, if sent. */
  readonly sessionSecret?: string | undefined;
  readonly ip: string;
  readonly userAgent?: string | undefined;
  /** The gateway's request ID. It links the access log, the event and the response. */
  readonly requestId: string;
  /** The call's X-Ray trace ID, if any. */
  readonly traceId?: string | undefined;
  /**
   * The path that the gateway or server uses for routing, if it differs from `path`.
   *
   * @default - `path`. The code behind the adapter does its own routing.
   */
  readonly routed?: RoutedPath | undefined;
  /** Extra event details from the adapter, such as the GraphQL operation. */
  readonly details?: EventData | undefined;
  /**
   * Reads the body if the decision depends on it. Called only for active tokens that aren't blocked, so other callers
   * can't make the server read or parse a body.
   */
  readonly readBody?: BodyReader | undefined;
  /** The request URL without query and fragment, as a DPoP proof names it in `htu` (RFC 9449, section 4.2). */
  readonly url?: string | undefined;
  /** All `DPoP` header fields. */
  readonly dpopProofs?: readonly string[] | undefined;
  /** The client certificate of the caller's TLS connection in PEM format, as passed on by the gateway (RFC 8705). */
  readonly clientCertificate?: string | undefined;
}

/** Why a call isn't authenticated. */
export type AuthFailure =
  | "missing_token"
  | "malformed_token"
  | "unknown_token"
  | "expired_token"
  | "revoked_token"
  | TokenRefusal
  | PossessionRefusal
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

type MissingAuthentication = Extract<Decision, { outcome: "insufficient_authentication" }>;

export interface AuthorizerContext extends Tracking, TokenStore, SessionStore, HoldingStore {
  readonly config: MonitoringConfig;
  readonly logger: Logger;
  /** The deny list. Share one `StoredRestrictions` across all calls in a process. */
  readonly restrictions: Restrictions;
  /** Verifies tokens from other issuers. Create it with `await loadOtherIssuers(config, …)`. */
  readonly otherIssuers?: OtherIssuers | undefined;
  /** Runs a task after the response is sent: event tracking, or a write that the decision doesn't depend on. */
  readonly defer: (task: () => Promise<unknown>) => void;
}

/** Maximum bytes for each caller-supplied text in an event. API Gateway accepts up to 10 KB of headers. */
const MAX_TEXT_BYTES = 1024;

/**
 * Lower limit for calls without valid credentials: anyone can make such calls, and each KB in an event costs a write
 * unit.
 */
const MAX_ANONYMOUS_TEXT_BYTES = 256;

/** Maximum bytes for an HTTP method. No registered method is longer. */
const MAX_METHOD_BYTES = 32;

/** Maximum bytes for a request ID from the gateway or the caller. */
const MAX_ID_BYTES = 64;

/** Removes secrets from every text in an adapter's details, including texts in lists. */
function cleanDetails(details: EventData, clean: (text: string) => string): EventData {
  const cleaned = (value: unknown): unknown =>
    typeof value === "string" ? clean(value) : Array.isArray(value) ? value.map(cleaned) : value;
  return Object.fromEntries(Object.entries(details).map(([key, value]) => [key, cleaned(value)]));
}

/** Rules for redacting and truncating the texts in an event. */
interface TextRules {
  readonly secrets: readonly (string | undefined)[];
  /** Token prefixes that other issuers use. */
  readonly prefixes: readonly string[];
  readonly maxBytes: number;
}

/** Builds the event details for a call. Removes secrets everywhere, including the path and the headers. */
function describe(
  request: ProtectedRequest,
  { secrets, prefixes, maxBytes }: TextRules,
): EventData {
  const hidden = secrets
    .flatMap((secret) => (secret === undefined ? [] : [secret, percentDecoded(secret)]))
    .filter((secret) => secret.length >= 8);
  const hide = (text: string) =>
    withoutPrefixed(
      hidden.reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text),
      prefixes,
    );
  const clean = (text: string) => cutText(withoutTokens(redactDecoded(text, hide)), maxBytes);
  const described: TokenRequest = {
    endpoint: clean(request.path),
    method: cutText(clean(request.method), MAX_METHOD_BYTES),
    ip: request.ip,
    ...(request.userAgent === undefined ? {} : { user_agent: clean(request.userAgent) }),
  };
  return {
    ...cleanDetails(request.details ?? {}, clean),
    ...described,
    request_id: cutText(request.requestId, MAX_ID_BYTES),
    ...(request.traceId === undefined ? {} : { trace_id: cutText(request.traceId, MAX_ID_BYTES) }),
  };
}

/**
 * Reads the token and records its use. With `tracking.lastUsedIntervalSeconds`, defers the write and skips it unless
 * the address changed or the interval has passed.
 */
async function useToken(
  context: AuthorizerContext,
  digest: string,
  atMs: number,
  ip: string,
): Promise<TokenUse> {
  const intervalMs = context.config.tracking.lastUsedIntervalSeconds * SECOND_MS;
  if (intervalMs === 0) return recordTokenUse(context, digest, atMs, ip);
  const use = await findToken(context, digest, atMs);
  if (use.status === "active") {
    const lastUsedMs = Date.parse(use.token.last_used_at ?? "1970-01-01T00:00:00.000Z");
    const moved = use.token.last_used_ip !== ip;
    if (moved || atMs - lastUsedMs >= intervalMs) {
      context.defer(() => recordTokenUse(context, digest, atMs, ip));
    }
  }
  return use;
}

function judgeSession(
  session: ClientSession | undefined,
  request: ProtectedRequest,
  token: AccessToken,
  atMs: number,
): SessionFailure | undefined {
  if (!request.sessionSecret) return "missing_session";
  if (!session) return "unknown_session";
  if (session.oauth_client_id !== token.oauth_client_id || session.user_id !== token.user_id) {
    return "foreign_session";
  }
  return Date.parse(session.expires_at) <= atMs ? "expired_session" : undefined;
}

/** The caller, once its token is verified and read from the store. */
interface KnownCaller {
  readonly use: TokenUse;
  /** The verified token, if another issuer issued it. */
  readonly verified?: VerifiedToken | undefined;
  readonly session: ClientSession | undefined;
  readonly isReplay?: boolean;
  /** The deny list. */
  readonly restricted: HeldRestrictions;
}

/**
 * Allows or denies one call and tracks the decision. Never throws because of caller input.
 *
 * Takes one round trip to DynamoDB: the token, the session and the latest deny list position are read in parallel. A
 * second round trip happens only if the deny list has new entries. Events are created and published after the response.
 *
 * @returns `unavailable` if DynamoDB or the token's issuer does not respond
 */
export async function authorize(
  context: AuthorizerContext,
  request: ProtectedRequest,
): Promise<Decision> {
  const atMs = context.clock();
  const { otherIssuers } = context;
  const credentials: Credentials = otherIssuers
    ? otherIssuers.readCredentials(request.authorization)
    : parseBearerCredentials(request.authorization);
  let bodyDetails: EventData = {};
  const detailsOf = (maxBytes: number) =>
    describe(
      { ...request, details: { ...request.details, ...bodyDetails } },
      {
        secrets: [
          credentials.found ? credentials.secret : undefined,
          ...request.authorization
            .flatMap((field) => field.split(/\s+/))
            .filter((part) => part.length >= 16),
          request.sessionSecret,
        ],
        prefixes: context.config.issuers.flatMap(
          ({ introspection }) => introspection?.tokenPrefix ?? [],
        ),
        maxBytes,
      },
    );
  const details = () => detailsOf(MAX_TEXT_BYTES);
  const routedPath = request.routed ?? { paths: [request.path] };
  const anonymousDetails = (): EventData => ({
    ...detailsOf(MAX_ANONYMOUS_TEXT_BYTES),
    route: routePattern(context.config, routedPath),
  });

  const refuse = (reason: AuthFailure, subject?: EventSubject, more?: EventData): Decision => {
    context.defer(() => {
      const described = { ...anonymousDetails(), reason, ...more };
      return trackEvent(context, "auth_failed", subject, described, { atMs });
    });
    return { outcome: "unauthenticated", reason };
  };
  const unavailable = (message: string, cause: string): Decision => {
    context.logger.error(message, { request_id: request.requestId, cause });
    context.defer(() =>
      trackEvent(context, "auth_unavailable", undefined, anonymousDetails(), { atMs }),
    );
    return { outcome: "unavailable" };
  };

  const access = requiredAccess(context.config, request.method, routedPath);
  if (typeof access === "string") {
    context.defer(() => {
      const described = { ...anonymousDetails(), reason: access };
      return trackEvent(context, "auth_failed", undefined, described, { atMs });
    });
    return { outcome: "invalid_path", reason: access };
  }
  if (!credentials.found) return refuse(credentials.reason);

  const checked = await otherIssuers?.check(context, credentials, request, atMs);
  if (checked?.status === "refused") {
    const { reason, subject, dpopNonce } = checked;
    return { ...refuse(reason, subject), ...(dpopNonce && { dpopNonce }) } as Decision;
  }
  if (checked?.status === "unavailable") {
    return unavailable("The token's issuer is unavailable; the call is denied", checked.cause);
  }

  const { ip } = request;
  let caller: KnownCaller;
  try {
    const [used, session, restricted] = await Promise.all([
      otherIssuers && checked
        ? otherIssuers.use(context, checked.verified, { atMs, ip, proof: checked.proof })
        : useToken(context, digestSecret(credentials.secret), atMs, ip).then((use) => ({
            use,
            isReplay: false,
          })),
      access.session === "required" && request.sessionSecret
        ? findSession(context, request.sessionSecret)
        : undefined,
      context.restrictions.current(atMs),
    ]);
    caller = { ...used, session, verified: checked?.verified, restricted };
  } catch (error) {
    return unavailable("The token store is unavailable; the call is denied", String(error));
  }

  const { use, verified, session, isReplay, restricted } = caller;
  const block = (reason: BlockReason, action_id: string, token?: AccessToken): Decision => {
    const described = use.status === "active" ? details() : anonymousDetails();
    const refused = { ...described, reason, action_id };
    context.defer(() => trackEvent(context, "auth_failed", token, refused, { atMs }));
    return { outcome: "blocked", reason, knownToken: token };
  };
  const blockedFrom = restricted.blockOfAddress(ip, atMs);
  if (blockedFrom) {
    const known = use.status === "unknown" ? undefined : use.token;
    return block(`blocked_${blockedFrom.target_kind}`, blockedFrom.action_id, known);
  }
  if (use.status === "unknown") return refuse("unknown_token");
  if (use.status !== "active") return refuse(`${use.status}_token`, use.token);
  const { token } = use;
  if (!verified && !token.listed) context.defer(() => listUse(context, token));
  const holder: RestrictedHolder = {
    tokenId: token.token_id,
    clientId: token.oauth_client_id,
    userId: token.user_id,
    sessionIds: [session?.session_id, verified?.sessionId].filter((id) => id !== undefined),
  };
  const revoked = restricted.revocationOf(ofToken(holder, verified), token.issued_at, atMs);
  if (revoked) {
    // Mark the token itself, so that statistics count it as revoked and the next call is denied without the deny list.
    context.defer(() => markRevoked(context, token.token_digest, Date.parse(revoked.revoked_at)));
    return refuse("revoked_token", token, { action_id: revoked.action_id });
  }
  if (isReplay) return refuse("replayed_dpop_proof", token);
  const blocked = restricted.blockOf(holder, atMs);
  if (blocked) return block(`blocked_${blocked.target_kind}`, blocked.action_id, token);
  const isSessionRevoked =
    session !== undefined &&
    restricted.revocationOf(holder, session.started_at, atMs) !== undefined;
  const body = await request.readBody?.();
  if (body?.status === "rejected") {
    const { reason } = body;
    context.defer(() =>
      trackEvent(context, "auth_failed", token, { ...details(), reason }, { atMs }),
    );
    return { outcome: "malformed_request", token, reason };
  }
  bodyDetails = body?.details ?? {};
  return admit(context, request, {
    token,
    verified,
    session,
    isSessionRevoked,
    access: body ? withScopes(access, body.scopes) : access,
    details,
    atMs,
  });
}

/** Adds a token to the credential lists if it isn't listed yet. Loads the code on demand. */
async function listUse(context: AuthorizerContext, token: AccessToken): Promise<void> {
  await listTokenInUse(context, token);
}

/** Returns the principal without this product's own session, because revoking that session doesn't revoke the token. */
function ofToken(holder: RestrictedHolder, verified: VerifiedToken | undefined): RestrictedHolder {
  const sessionIds = verified?.sessionId === undefined ? [] : [verified.sessionId];
  return { ...holder, sessionIds };
}

interface Admission {
  readonly token: AccessToken;
  readonly verified: VerifiedToken | undefined;
  readonly session: ClientSession | undefined;
  readonly isSessionRevoked: boolean;
  readonly access: RequiredAccess;
  readonly details: () => EventData;
  readonly atMs: number;
}

/** Returns the authentication requirements that the user doesn't meet (RFC 9470), or undefined if all are met. */
function missingAuthentication(
  { acrValues, maxAgeSeconds }: RequiredAccess,
  verified: VerifiedToken | undefined,
  atMs: number,
): Pick<MissingAuthentication, "acrValues" | "maxAgeSeconds"> | undefined {
  const classes = verified?.authenticationClasses ?? [];
  const unmet = acrValues.find((list) => !list.some((each) => classes.includes(each)));
  const authenticatedAtMs = verified?.authenticatedAtMs;
  const isRecent =
    maxAgeSeconds === undefined ||
    (authenticatedAtMs !== undefined && atMs - authenticatedAtMs <= maxAgeSeconds * SECOND_MS);
  if (!unmet && isRecent) return undefined;
  return { acrValues: unmet ?? acrValues[0] ?? [], maxAgeSeconds };
}

/** Checks whether a valid token and its session meet the requirements of the route. */
function admit(
  context: AuthorizerContext,
  request: ProtectedRequest,
  { token, verified, session, isSessionRevoked, access, details: described, atMs }: Admission,
): Decision {
  const details = (): EventData => ({
    ...described(),
    ...(verified && { issuer: verified.issuer }),
    ...(verified?.sessionId !== undefined && { session_id: verified.sessionId }),
  });
  if (access.session === "required") {
    const reason =
      judgeSession(session, request, token, atMs) ??
      (isSessionRevoked ? "revoked_session" : undefined);
    if (reason) {
      context.defer(() =>
        trackEvent(context, "auth_failed", token, { ...details(), reason }, { atMs }),
      );
      return { outcome: "invalid_session", token, reason };
    }
  }
  const missing = missingAuthentication(access, verified, atMs);
  if (missing) {
    const { acrValues, maxAgeSeconds } = missing;
    const reason = "insufficient_authentication";
    const asked = {
      reason,
      acr_values: acrValues,
      ...(maxAgeSeconds !== undefined && { max_age: maxAgeSeconds }),
    };
    context.defer(() =>
      trackEvent(context, "auth_failed", token, { ...details(), ...asked }, { atMs }),
    );
    return { outcome: reason, token, acrValues, maxAgeSeconds };
  }
  const scopes = session
    ? session.scopes.filter((scope) => token.scopes.includes(scope))
    : token.scopes;
  const holder = { ...token, session_id: session?.session_id, scopes };
  const sufficient = access.scopes.every((scope) => scopes.includes(scope));
  if (!sufficient) {
    context.defer(() =>
      trackScopeValidation(context, holder, access.scopes, false, details(), { atMs }),
    );
    return { outcome: "insufficient_scope", token, requiredScopes: access.scopes };
  }
  context.defer(() => {
    const used = {
      ...details(),
      ...previousUse(token),
      ...(session && { session_id: session.session_id }),
      ...(context.config.tracking.scopeValidationSuccess &&
        access.scopes.length > 0 &&
        scopeCheck(access.scopes, scopes, true)),
    };
    return trackEvent(context, "token_used", token, used, { atMs });
  });
  if (access.scopes.some((scope) => scope === ADMIN_SCOPE || scope === RESPOND_SCOPE)) {
    context.defer(async () => {
      await recordAdministrator(context, token, { ip: request.ip, atMs });
    });
  }
  return { outcome: "allowed", token, ...(session ? { session } : {}) };
}
