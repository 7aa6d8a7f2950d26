import { describe, expect, it } from "vitest";
import { toInstant } from "../../shared/core/clock.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { attach } from "../../shared/integrations/providers/node-oidc-provider.ts";

const NOW = Date.parse("2026-11-23T10:00:00.000Z");

/** Returns a provider that emits the test's events. */
function provider() {
  const listeners = new Map<string, (...parameters: never[]) => void>();
  const published: OAuthEvent[] = [];
  attach(
    { on: (event, listener) => listeners.set(event, listener) },
    { publish: async (events) => void published.push(...events) },
    { clock: () => NOW },
  );
  const emit = async (event: string, ...parameters: unknown[]) => {
    listeners.get(event)?.(...(parameters as never[]));
    await new Promise((resolve) => setImmediate(resolve));
    return published.splice(0);
  };
  return { emit, names: [...listeners.keys()] };
}

const TOKEN = {
  jti: "the-token-itself",
  iat: NOW / 1000 - 5,
  expiration: 600,
  clientId: "app",
  accountId: "ada",
  scope: "openid api:read",
};

const CONTEXT = {
  ip: "203.0.113.9",
  path: "/token",
  method: "POST",
  headers: { "user-agent": "u".repeat(1025) },
  oidc: {
    client: { clientId: "app" },
    params: { grant_type: "refresh_token", client_id: "asked" },
    session: { accountId: "ada" },
  },
};

const REQUEST = {
  ip: "203.0.113.9",
  endpoint: "/token",
  method: "POST",
  user_agent: "u".repeat(1024),
  grant_type: "refresh_token",
};

describe("attaching to an oidc-provider", () => {
  it.each(["access_token", "client_credentials"])(
    "publishes an event when %s is issued or revoked",
    async (model) => {
      const { emit } = provider();
      for (const happening of ["saved", "issued"]) {
        expect(await emit(`${model}.${happening}`, TOKEN)).toMatchObject([
          {
            event_type: "token_issued",
            occurred_at: toInstant(NOW),
            oauth_client_id: "app",
            user_id: "ada",
            event_data: {
              provider: "node-oidc-provider",
              token_id: expect.stringMatching(/^[0-9a-f]{32}$/),
              issued_at: toInstant(NOW - 5000),
              expires_at: toInstant(NOW + 595_000),
              scopes: ["openid", "api:read"],
            },
          },
        ]);
      }
      const [revoked] = await emit(`${model}.destroyed`, TOKEN);
      expect(revoked?.event_type).toBe("token_revoked");
      expect(revoked?.event_data).not.toHaveProperty("expires_at");
    },
  );

  it("uses the current time as the issue time when a token has none yet, and omits a missing expiry", async () => {
    const { emit } = provider();
    const { iat: _, scope: __, ...saving } = TOKEN;
    const [saved] = await emit("access_token.saved", saving);
    expect(saved?.event_data).toMatchObject({
      issued_at: toInstant(NOW),
      expires_at: toInstant(NOW + 600_000),
    });
    expect(saved?.event_data).not.toHaveProperty("scopes");
    const [endless] = await emit("access_token.saved", { ...TOKEN, expiration: undefined });
    expect(endless?.event_data).not.toHaveProperty("expires_at");
  });

  it.each([
    "authorization",
    "grant",
    "introspection",
    "revocation",
    "userinfo",
    "pushed_authorization_request",
    "device_authorization",
    "backchannel_authentication",
  ])("publishes an error at %s with the subject, address and reason", async (endpoint) => {
    const { emit } = provider();
    const error = { error: "invalid_grant", error_description: "grant request is invalid" };
    expect(await emit(`${endpoint}.error`, CONTEXT, error)).toMatchObject([
      {
        event_type: "auth_failed",
        oauth_client_id: "app",
        user_id: "ada",
        event_data: {
          provider: "node-oidc-provider",
          provider_event_type: `${endpoint}.error`,
          reason: "invalid_grant",
          message: "grant request is invalid",
          ...REQUEST,
        },
      },
    ]);
  });

  it("falls back to the requested client and omits unknown values", async () => {
    const { emit } = provider();
    const { client: _, ...oidc } = CONTEXT.oidc;
    const [event] = await emit("grant.error", { ...CONTEXT, oidc }, {});
    expect(event?.oauth_client_id).toBe("asked");
    expect(event?.event_data.reason).toBe("unknown");
    const [nothing] = await emit("grant.error", {}, {});
    expect(nothing?.event_data).toEqual({
      provider: "node-oidc-provider",
      provider_event_type: "grant.error",
      reason: "unknown",
    });
    const odd = { headers: { "user-agent": ["a", "b"] }, oidc: { params: { client_id: 7 } } };
    const [strange] = await emit("grant.error", odd, {});
    expect(strange?.oauth_client_id).toBeUndefined();
    expect(strange?.event_data).not.toHaveProperty("user_agent");
  });

  it.each([
    ["refresh_token", "refresh token already used", "refresh_token_reused"],
    ["authorization_code", "authorization code already consumed", "authorization_code_reused"],
    ["client_credentials", "already used", "invalid_grant"],
    ["refresh_token", "refresh token not found", "invalid_grant"],
    ["refresh_token", undefined, "invalid_grant"],
  ])(
    "maps the error %s with the detail %s to the reason %s",
    async (grant_type, error_detail, reason) => {
      const { emit } = provider();
      const context = { ...CONTEXT, oidc: { params: { grant_type } } };
      const [event] = await emit("grant.error", context, { error: "invalid_grant", error_detail });
      expect(event?.event_data.reason).toBe(reason);
    },
  );

  it("publishes an event when a session ends", async () => {
    const { emit } = provider();
    expect(await emit("end_session.success", CONTEXT)).toMatchObject([
      {
        event_type: "session_ended",
        oauth_client_id: "app",
        user_id: "ada",
        event_data: { provider: "node-oidc-provider", ...REQUEST },
      },
    ]);
    expect(await emit("end_session.success", {})).toMatchObject([{ event_type: "session_ended" }]);
  });
});
