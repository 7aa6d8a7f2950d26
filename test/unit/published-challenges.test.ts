import { describe, expect, it } from "vitest";
import { buildChallenge, type ChallengeOptions, toDenial } from "../../adapters/http/denial.ts";
import { describeResource, parseMcpOptions } from "../../adapters/http/mcp-options.ts";
import {
  parseBearerCredentials,
  parseCredentials,
} from "../../shared/authorization/bearer-token.ts";
import type { Decision } from "../../shared/authorization/decision.ts";
import { metadataUrls } from "../../shared/token-verifiers/issuer-metadata.ts";

type Rejected = Exclude<Decision, { outcome: "allowed" }>;

/** Parses a challenge's scheme and parameters like a client (RFC 9110, section 11.6.1). */
function read(challenge: string | undefined) {
  const [, scheme, rest = ""] = /^([A-Za-z]+)(?: (.*))?$/.exec(challenge ?? "") ?? [];
  const parameters = [...rest.matchAll(/([a-z_]+)="([^"\\]*)"(?:, |$)/g)];
  // The challenge contains only parameters.
  expect(parameters.map(([all]) => all).join("")).toBe(rest);
  return { scheme, ...Object.fromEntries(parameters.map(([, name, value]) => [name, value])) };
}

const challenge = (decision: object, options: Partial<ChallengeOptions> = {}) =>
  read(buildChallenge(toDenial(decision as Rejected), { realm: "example", ...options }));

const unauthenticated = (reason: string) => ({ outcome: "unauthenticated", reason });

describe("buildChallenge matches the RFC examples", () => {
  it("RFC 6750, section 3: returns a challenge for missing credentials and an expired token", () => {
    expect(challenge(unauthenticated("missing_token"))).toEqual(read('Bearer realm="example"'));
    const { error_description: _, ...example } = read(
      'Bearer realm="example", error="invalid_token", error_description="The access token expired"',
    ) as Record<string, unknown>;
    expect(challenge(unauthenticated("expired_token"))).toMatchObject(example);
  });

  it("RFC 9470, section 3: requests a stronger or a more recent authentication", () => {
    const insufficient = (acrValues: string[], maxAgeSeconds?: number) =>
      challenge({ outcome: "insufficient_authentication", acrValues, maxAgeSeconds });
    expect(insufficient(["myACR"])).toMatchObject({
      scheme: "Bearer",
      error: "insufficient_user_authentication",
      acr_values: "myACR",
    });
    const recent = insufficient([], 5);
    expect(recent).toMatchObject({ error: "insufficient_user_authentication", max_age: "5" });
    expect(recent).not.toHaveProperty("acr_values");
  });

  it("RFC 9449, section 7.1: names the algorithms and the error in the proof", () => {
    const options = { dpopAlgorithms: ["ES256", "PS256"] };
    expect(challenge(unauthenticated("downgraded_token"), options)).toMatchObject({
      scheme: "DPoP",
      error: "invalid_token",
      algs: "ES256 PS256",
    });
    expect(challenge(unauthenticated("missing_dpop_proof"), options)).toMatchObject({
      scheme: "DPoP",
      error: "invalid_dpop_proof",
      algs: "ES256 PS256",
    });
  });

  it("RFC 9728, section 5.1: includes the metadata URL", () => {
    const resourceMetadata = "https://resource.example.com/.well-known/oauth-protected-resource";
    expect(challenge(unauthenticated("missing_token"), { resourceMetadata })).toMatchObject(
      read(`Bearer resource_metadata="${resourceMetadata}"`),
    );
  });
});

describe("credentials", () => {
  it.each(["Bearer mF_9.B5f-4.1JqM", "bearer mF_9.B5f-4.1JqM", "BEARER mF_9.B5f-4.1JqM"])(
    "are read from %s (RFC 6750, section 2.1; RFC 9110, section 11.1)",
    (field) => {
      const found = { found: true, secret: "mF_9.B5f-4.1JqM", scheme: "bearer" };
      expect(parseBearerCredentials([field])).toEqual(found);
      expect(parseCredentials([field])).toEqual(found);
    },
  );

  it("are read from the request in RFC 9449, section 7.1, but not from the request in RFC 7617", () => {
    expect(parseCredentials(["DPoP Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"])).toEqual({
      found: true,
      secret: "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
      scheme: "dpop",
    });
    expect(parseCredentials(["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="])).toEqual({
      found: false,
      reason: "malformed_token",
    });
  });
});

describe("metadata", () => {
  it.each([
    ["https://resource.example.com", "/.well-known/oauth-protected-resource"],
    ["https://resource.example.com/resource1", "/.well-known/oauth-protected-resource/resource1"],
  ])("for the resource %s has the URL from RFC 9728, section 3.1", (resource, path) => {
    const described = describeResource(
      parseMcpOptions({
        resource,
        authorizationServers: ["https://as1.example.com", "https://as2.example.net"],
        scopesSupported: ["profile", "email", "phone"],
      }),
    );
    expect(described.metadataUrl).toBe(`https://resource.example.com${path}`);
    const answer = described.answer("GET", path);
    // Section 3.2, without features that this server doesn't support.
    expect(answer?.status).toBe(200);
    expect(JSON.parse(answer?.body ?? "")).toEqual({
      resource,
      authorization_servers: ["https://as1.example.com", "https://as2.example.net"],
      bearer_methods_supported: ["header"],
      scopes_supported: ["profile", "email", "phone"],
    });
    expect(described.answer("POST", path)).toBeUndefined();
    expect(described.answer("GET", `${path}/other`)).toBeUndefined();
  });

  it("for an issuer is requested from the URLs in OpenID Connect Discovery, section 4 and RFC 8414, section 3.1", () => {
    expect(metadataUrls("https://example.com")).toEqual([
      "https://example.com/.well-known/openid-configuration",
      "https://example.com/.well-known/oauth-authorization-server",
    ]);
    expect(metadataUrls("https://example.com/issuer1")).toEqual([
      "https://example.com/issuer1/.well-known/openid-configuration",
      "https://example.com/.well-known/oauth-authorization-server/issuer1",
    ]);
  });
});
