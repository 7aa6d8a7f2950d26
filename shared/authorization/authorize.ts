import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { SECOND_MS } from "../core/clock.ts";
import type { Logger } from "../core/telemetry.ts";
import { scopeCheck, type Tracking, trackEvent } from "../events/track-event.ts";
import {
  type AccessToken,
  digestSecret,
  type TokenStore,
  type VerifiedToken,
} from "../tokens/access-token.ts";
import { type ClientSession, findSession, type SessionStore } from "../tokens/client-session.ts";
import { type CredentialStore, listTokenInUse } from "../tokens/credentials.ts";
import { markRevoked } from "../tokens/revoke-token.ts";
import { findToken, recordTokenUse, type TokenUse } from "../tokens/token-use.ts";
import { type Credentials, parseBearerCredentials } from "./bearer-token.ts";
import {
  type AuthFailure,
  type Decision,
  decisionEvent,
  type SessionFailure,
  type Verdict,
} from "./decision.ts";
import type { Block, DenyList, PrincipalIds } from "./deny-list-entry.ts";
import { loadAdministratorRecords, loadOtherIssuersModule } from "./load-on-demand.ts";
import type { OtherIssuers, OtherIssuersOptions } from "./other-issuers.ts";
import { describeRequest, type ProtectedRequest } from "./protected-request.ts";
import type { RoutedPath } from "./request-path.ts";
import {
  ADMIN_SCOPE,
  RESPOND_SCOPE,
  type RequiredAccess,
  requiredAccess,
  routePattern,
  withScopes,
} from "./required-access.ts";
import type { DenyListSource } from "./stored-deny-list.ts";

export interface AuthorizerContext extends Tracking, TokenStore, SessionStore, CredentialStore {
  readonly config: MonitoringConfig;
  readonly logger: Logger;
  /** The deny list. Share one `StoredDenyList` across all calls in a process. */
  readonly denyList: DenyListSource;
  /** Verifies tokens from other issuers. Create it with `loadOtherIssuers`. */
  readonly otherIssuers?: OtherIssuers | undefined;
  /** Runs a task after the response is sent: event tracking, or a write that the decision doesn't depend on. */
  readonly defer: (task: () => Promise<unknown>) => void;
}

/**
 * Loads the verifier for other issuers' tokens, for use as `AuthorizerContext.otherIssuers`. Fetches the issuers' keys
 * before it resolves. If no issuers are configured, returns undefined without loading any code.
 *
 * @param options.readSecret reads a secret. Default: from Secrets Manager
 * @param options.canGiveNonces whether responses can carry a DPoP nonce. Default: false
 */
export async function loadOtherIssuers(
  config: MonitoringConfig,
  options: OtherIssuersOptions,
): Promise<OtherIssuers | undefined> {
  if (config.issuers.length === 0) return undefined;
  const { createOtherIssuers } = await loadOtherIssuersModule();
  return createOtherIssuers(config, options);
}

/** A call, with the credentials that it carries. */
interface Call {
  readonly request: ProtectedRequest;
  readonly credentials: Credentials;
  readonly routed: RoutedPath;
  readonly atMs: number;
}

/** A caller whose token is verified, with what was read for it from DynamoDB. */
interface Caller {
  readonly use: TokenUse;
  /** The verified token, if another issuer issued it. */
  readonly verified: VerifiedToken | undefined;
  readonly session: ClientSession | undefined;
  /** Whether the proof of possession has already been used. */
  readonly isReplay: boolean;
  /** The deny list. */
  readonly denyList: DenyList;
}

/** A caller with an active token. */
interface ActiveCaller extends Caller {
  readonly token: AccessToken;
  /** The caller's IDs that deny list entries can target. */
  readonly principal: PrincipalIds;
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
  const { authorization, path } = request;
  const call: Call = {
    request,
    credentials:
      context.otherIssuers?.readCredentials(authorization) ?? parseBearerCredentials(authorization),
    routed: request.routed ?? { paths: [path] },
    atMs: context.clock(),
  };
  const verdict = await decide(context, call);
  context.defer(() => trackVerdict(context, call, verdict));
  return verdict.decision;
}

async function decide(context: AuthorizerContext, call: Call): Promise<Verdict> {
  const { request, atMs } = call;
  const access = requiredAccess(context.config, request.method, call.routed);
  if (typeof access === "string") return { decision: { outcome: "invalid_path", reason: access } };

  const caller = await authenticate(context, call, access);
  if ("decision" in caller) return caller;
  const denied = checkDenyList(context, caller, atMs);
  if (denied) return denied;

  const { token, verified } = caller;
  const body = await request.readBody?.();
  if (body?.status === "rejected") {
    return { decision: { outcome: "malformed_request", token, reason: body.reason } };
  }
  const needed = body ? withScopes(access, body.scopes) : access;
  const verdict =
    checkSession(call, caller, needed) ??
    checkAuthentication(caller, needed, atMs) ??
    checkScopes(context, caller, needed);
  if (verdict.decision.outcome === "allowed") recordAdminCall(context, call, token, needed);
  return {
    ...verdict,
    bodyDetails: body?.details,
    data: {
      ...(verified && { issuer: verified.issuer }),
      ...(verified?.sessionId !== undefined && { session_id: verified.sessionId }),
      ...verdict.data,
    },
  };
}

/**
 * Verifies the token and reads it, the session and the deny list. Denies callers without an active token, and callers
 * from blocked addresses, whichever token they use.
 */
async function authenticate(
  context: AuthorizerContext,
  call: Call,
  access: RequiredAccess,
): Promise<ActiveCaller | Verdict> {
  const caller = await readCaller(context, call, access);
  if ("decision" in caller) return caller;
  const { use, verified, session, denyList } = caller;
  const block = denyList.findAddressBlock(call.request.ip, call.atMs);
  if (block) {
    return blocked(
      block,
      use.status === "unknown" ? undefined : use.token,
      use.status === "active",
    );
  }
  if (use.status === "unknown") return unauthenticated("unknown_token");
  const { token } = use;
  if (use.status !== "active") return unauthenticated(`${use.status}_token`, { subject: token });
  if (!verified && !token.listed) {
    context.defer(() => listTokenInUse(context, token));
  }
  const principal = {
    tokenId: token.token_id,
    clientId: token.oauth_client_id,
    userId: token.user_id,
    sessionIds: [session?.session_id, verified?.sessionId].filter((id) => id !== undefined),
  };
  return { ...caller, token, principal };
}

async function readCaller(
  context: AuthorizerContext,
  { request, credentials, atMs }: Call,
  access: RequiredAccess,
): Promise<Caller | Verdict> {
  const { otherIssuers } = context;
  const unavailable = (message: string, cause: string): Verdict => {
    context.logger.error(message, { request_id: request.requestId, cause });
    return { decision: { outcome: "unavailable" } };
  };
  if (!credentials.found) return unauthenticated(credentials.reason);
  const checked = await otherIssuers?.check(context, credentials, request, atMs);
  if (checked?.status === "rejected") {
    const { reason, subject, dpopNonce } = checked;
    return unauthenticated(reason, { subject, dpopNonce });
  }
  if (checked?.status === "unavailable") {
    return unavailable("The token's issuer is unavailable; the call is denied", checked.cause);
  }
  const { ip, sessionSecret } = request;
  try {
    const [used, session, denyList] = await Promise.all([
      otherIssuers && checked
        ? otherIssuers.use(context, checked.verified, { atMs, ip, proof: checked.proof })
        : useOwnToken(context, digestSecret(credentials.secret), atMs, ip),
      access.session === "required" && sessionSecret
        ? findSession(context, sessionSecret)
        : undefined,
      context.denyList.current(atMs),
    ]);
    return { ...used, session, verified: checked?.verified, denyList };
  } catch (error) {
    return unavailable("The token store is unavailable; the call is denied", String(error));
  }
}

/**
 * Reads a token that this product issued and records its use. With `tracking.lastUsedIntervalSeconds`, defers the write
 * and skips it unless the address changed or the interval has passed.
 */
async function useOwnToken(
  context: AuthorizerContext,
  digest: string,
  atMs: number,
  ip: string,
): Promise<Pick<Caller, "use" | "isReplay">> {
  const intervalMs = context.config.tracking.lastUsedIntervalSeconds * SECOND_MS;
  const record = () => recordTokenUse(context, digest, atMs, ip);
  if (intervalMs === 0) return { use: await record(), isReplay: false };
  const use = await findToken(context, digest, atMs);
  if (use.status === "active") {
    const lastUsedMs = Date.parse(use.token.last_used_at ?? "1970-01-01T00:00:00.000Z");
    const hasMoved = use.token.last_used_ip !== ip;
    if (hasMoved || atMs - lastUsedMs >= intervalMs) context.defer(record);
  }
  return { use, isReplay: false };
}

/** Denies revoked tokens, repeated proofs of possession, and blocked tokens, users, clients and sessions. */
function checkDenyList(
  context: AuthorizerContext,
  { token, verified, principal, denyList, isReplay }: ActiveCaller,
  atMs: number,
): Verdict | undefined {
  // Leaves out this product's own session, because revoking that session doesn't revoke the token.
  const sessionIds = verified?.sessionId === undefined ? [] : [verified.sessionId];
  const revoked = denyList.findRevocation({ ...principal, sessionIds }, token.issued_at, atMs);
  if (revoked) {
    // Mark the token itself, so that statistics count it as revoked and the next call is denied without the deny list.
    context.defer(() => markRevoked(context, token.token_digest, Date.parse(revoked.revoked_at)));
    const data = { action_id: revoked.action_id };
    return unauthenticated("revoked_token", { subject: token, data });
  }
  if (isReplay) return unauthenticated("replayed_dpop_proof", { subject: token });
  const block = denyList.findBlock(principal, atMs);
  return block && blocked(block, token, true);
}

/** Denies calls whose session is missing, expired, revoked or someone else's, if the route requires a session. */
function checkSession(
  { request, atMs }: Call,
  { token, session, principal, denyList }: ActiveCaller,
  access: RequiredAccess,
): Verdict | undefined {
  if (access.session !== "required") return undefined;
  const deny = (reason: SessionFailure): Verdict => ({
    decision: { outcome: "invalid_session", token, reason },
  });
  if (!request.sessionSecret) return deny("missing_session");
  if (!session) return deny("unknown_session");
  if (session.oauth_client_id !== token.oauth_client_id || session.user_id !== token.user_id) {
    return deny("foreign_session");
  }
  if (Date.parse(session.expires_at) <= atMs) return deny("expired_session");
  const revoked = denyList.findRevocation(principal, session.started_at, atMs);
  return revoked && deny("revoked_session");
}

/** Denies users who signed in too long ago, or with another method than the route requires (RFC 9470). */
function checkAuthentication(
  { token, verified }: ActiveCaller,
  { acrValues, maxAgeSeconds }: RequiredAccess,
  atMs: number,
): Verdict | undefined {
  const classes = verified?.authenticationClasses ?? [];
  const unmet = acrValues.find((list) => !list.some((each) => classes.includes(each)));
  const authenticatedAtMs = verified?.authenticatedAtMs;
  const isRecent =
    maxAgeSeconds === undefined ||
    (authenticatedAtMs !== undefined && atMs - authenticatedAtMs <= maxAgeSeconds * SECOND_MS);
  if (!unmet && isRecent) return undefined;
  return {
    decision: {
      outcome: "insufficient_authentication",
      token,
      acrValues: unmet ?? acrValues[0] ?? [],
      maxAgeSeconds,
    },
  };
}

/** Allows the call if the token, and the session if any, have all required scopes. */
function checkScopes(
  { config }: AuthorizerContext,
  { token, session }: ActiveCaller,
  { scopes: required }: RequiredAccess,
): Verdict {
  const scopes = session
    ? session.scopes.filter((scope) => token.scopes.includes(scope))
    : token.scopes;
  const isAllowed = required.every((scope) => scopes.includes(scope));
  const showsCheck = !isAllowed || (config.tracking.scopeValidationSuccess && required.length > 0);
  return {
    decision: isAllowed
      ? { outcome: "allowed", token, ...(session && { session }) }
      : { outcome: "insufficient_scope", token, requiredScopes: required },
    data: {
      ...(session && { session_id: session.session_id }),
      ...(showsCheck && scopeCheck(required, scopes, isAllowed)),
    },
  };
}

/** Records the address of an allowed admin call, so that no action blocks an administrator by mistake. */
function recordAdminCall(
  context: AuthorizerContext,
  { request: { ip }, atMs }: Call,
  token: AccessToken,
  { scopes }: RequiredAccess,
): void {
  if (!scopes.includes(ADMIN_SCOPE) && !scopes.includes(RESPOND_SCOPE)) return;
  context.defer(async () => {
    const { recordAdministrator } = await loadAdministratorRecords();
    await recordAdministrator(context, token, { ip, atMs });
  });
}

function unauthenticated(
  reason: AuthFailure,
  {
    dpopNonce,
    ...facts
  }: Pick<Verdict, "subject" | "data"> & { readonly dpopNonce?: string | undefined } = {},
): Verdict {
  return {
    ...facts,
    decision: { outcome: "unauthenticated", reason, ...(dpopNonce && { dpopNonce }) },
  };
}

function blocked(
  { target_kind, action_id }: Block,
  knownToken: AccessToken | undefined,
  isActive: boolean,
): Verdict {
  const reason = `blocked_${target_kind}` as const;
  return { decision: { outcome: "blocked", reason, knownToken }, data: { action_id }, isActive };
}

/** Publishes a decision's event. Events of callers without an active token are short, but name the route. */
async function trackVerdict(context: AuthorizerContext, call: Call, verdict: Verdict) {
  const { request, credentials, routed, atMs } = call;
  const { type, subject, data, isKnown } = decisionEvent(verdict);
  const described = describeRequest(
    { ...request, details: { ...request.details, ...verdict.bodyDetails } },
    {
      secret: credentials.found ? credentials.secret : undefined,
      prefixes: context.config.issuers.flatMap(
        ({ introspection }) => introspection?.tokenPrefix ?? [],
      ),
      isKnown,
    },
  );
  const route = isKnown ? {} : { route: routePattern(context.config, routed) };
  await trackEvent(context, type, subject, { ...described, ...route, ...data }, { atMs });
}
