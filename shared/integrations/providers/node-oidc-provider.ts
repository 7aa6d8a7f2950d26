import { createHash } from "node:crypto";
import { type Clock, SECOND_MS, systemClock, toInstant } from "../../core/clock.ts";
import type { EventData } from "../../events/event-data.ts";
import type { EventSink } from "../../events/event-sink.ts";
import { createEvent, type EventFacts, type OAuthEvent } from "../../events/oauth-event.ts";
import { identityOfNamedToken } from "../../events/token-identity.ts";

/** The part of an oidc-provider instance that `attach` uses. */
export interface OidcProviderEmitter {
  /** The issuer identifier, which is part of a JWT's public token ID. */
  readonly issuer?: string;
  on(event: string, listener: (...parameters: never[]) => void): unknown;
}

/** A token model, with the members used in events. */
interface IssuedToken {
  readonly jti: string;
  /** Epoch seconds. Absent while an opaque token is being saved. */
  readonly iat?: number;
  /** Lifetime in seconds. */
  readonly expiration?: number;
  readonly clientId?: string;
  readonly accountId?: string;
  readonly scope?: string;
}

/** A request context, with the members used in events. */
interface RequestContext {
  readonly ip?: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  readonly oidc?: {
    readonly client?: { readonly clientId?: string };
    readonly params?: Readonly<Record<string, unknown>>;
    readonly session?: { readonly accountId?: string };
  };
}

interface HandledError {
  readonly error?: string;
  readonly error_description?: string;
  readonly error_detail?: string;
}

/** Options for publishing a provider's events. */
export interface AttachOptions {
  readonly clock?: Clock;
  /** Called if an event can't be published. Default: `console.error`. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Returns a token's public ID, the same one that the authorizer computes when the token is used. An opaque token's
 * `jti` is the token itself, so the ID is based on a digest of it.
 *
 * @param jwtIssuer the issuer if the token is a JWT, undefined if it is opaque
 */
function tokenId({ jti }: IssuedToken, jwtIssuer: string | undefined): string {
  return jwtIssuer === undefined
    ? createHash("sha256").update(jti).digest("hex").slice(0, 32)
    : identityOfNamedToken(jwtIssuer, jti).token_id;
}

/** Endpoints whose errors become `auth_failed`. */
const FAILING_ENDPOINTS = [
  "authorization",
  "grant",
  "introspection",
  "revocation",
  "userinfo",
  "pushed_authorization_request",
  "device_authorization",
  "backchannel_authentication",
] as const;

/** Reasons for a reused credential, by grant type. */
const REUSE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    authorization_code: "authorization_code_reused",
    refresh_token: "refresh_token_reused",
  }),
);

function getReason(ctx: RequestContext, error: HandledError): string | undefined {
  const reused = /already (used|consumed)/.test(error.error_detail ?? "");
  const reuse = reused && REUSE.get(String(ctx.oidc?.params?.grant_type));
  return reuse || error.error;
}

const text = (value: unknown) => (typeof value === "string" ? value : undefined);

function request(ctx: RequestContext): EventData {
  const facts = {
    ip: ctx.ip,
    endpoint: ctx.path,
    method: ctx.method,
    user_agent: text(ctx.headers?.["user-agent"])?.slice(0, 1024),
    grant_type: text(ctx.oidc?.params?.grant_type),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/**
 * Returns the event for an issued or revoked token. For an issued token, it includes the issue and expiry times so that
 * statistics can count the token.
 */
function tokenFacts(
  eventType: "token_issued" | "token_revoked",
  token: IssuedToken,
  nowMs: number,
  jwtIssuer?: string,
): EventFacts {
  const issuedMs = token.iat === undefined ? nowMs : token.iat * SECOND_MS;
  const { expiration } = token;
  return {
    eventType,
    clientId: token.clientId,
    userId: token.accountId,
    details: {
      provider: "node-oidc-provider",
      token_id: tokenId(token, jwtIssuer),
      ...(eventType === "token_issued" &&
        expiration !== undefined && {
          issued_at: toInstant(issuedMs),
          expires_at: toInstant(issuedMs + expiration * SECOND_MS),
        }),
      ...(token.scope && { scopes: token.scope.split(" ") }),
    },
  };
}

/**
 * Publishes events from an oidc-provider instance: issued and revoked tokens, rejected requests, ended sessions. No
 * event contains a token, code or secret. The provider's responses never wait for publishing.
 * https://github.com/panva/node-oidc-provider/blob/main/docs/events.md
 *
 * @example
 * ```typescript
 * const provider = new Provider(issuer, configuration);
 * attachToOidcProvider(provider, createEventPublisher({ eventBridge, eventBusName, logger: console }));
 * ```
 */
export function attach(
  provider: OidcProviderEmitter,
  publisher: EventSink,
  { clock = systemClock, onError = console.error }: AttachOptions = {},
): void {
  const publish = async (facts: EventFacts) => {
    try {
      const event: OAuthEvent = createEvent(facts, clock());
      await publisher.publish([event]);
    } catch (error) {
      onError(error);
    }
  };
  for (const model of ["access_token", "client_credentials"]) {
    // The provider emits `saved` for opaque tokens and `issued` for structured tokens.
    for (const action of ["saved", "issued"]) {
      provider.on(`${model}.${action}`, (token: IssuedToken) => {
        const jwtIssuer = action === "issued" ? provider.issuer : undefined;
        void publish(tokenFacts("token_issued", token, clock(), jwtIssuer));
      });
    }
    provider.on(`${model}.destroyed`, (token: IssuedToken) => {
      void publish(tokenFacts("token_revoked", token, clock()));
    });
  }
  for (const endpoint of FAILING_ENDPOINTS) {
    provider.on(`${endpoint}.error`, (ctx: RequestContext, error: HandledError) => {
      const { client, params, session } = ctx.oidc ?? {};
      void publish({
        eventType: "auth_failed",
        clientId: client?.clientId ?? text(params?.client_id),
        userId: session?.accountId,
        details: {
          provider: "node-oidc-provider",
          provider_event_type: `${endpoint}.error`,
          reason: getReason(ctx, error) ?? "unknown",
          ...(error.error_description && { message: error.error_description }),
          ...request(ctx),
        },
      });
    });
  }
  provider.on("end_session.success", (ctx: RequestContext) => {
    void publish({
      eventType: "session_ended",
      clientId: ctx.oidc?.client?.clientId,
      userId: ctx.oidc?.session?.accountId,
      details: { provider: "node-oidc-provider", ...request(ctx) },
    });
  });
}
