import { describe, expect, it } from "vitest";
import {
  buildAnswer,
  buildChallenge,
  type DeniedDecision,
  toDenial,
} from "../../adapters/http/denial.ts";
import type { AccessToken } from "../../shared/tokens/access-token.ts";

const OPTIONS = { realm: "shop", dpopAlgorithms: ["ES256", "EdDSA"] };
const token = { oauth_client_id: "app" } as AccessToken;

function challenge(decision: DeniedDecision): string | undefined {
  return buildChallenge(toDenial(decision), OPTIONS);
}

describe("buildChallenge and buildAnswer", () => {
  it("request a proof of possession and name the algorithms", () => {
    for (const reason of [
      "missing_dpop_proof",
      "stale_dpop_proof",
      "replayed_dpop_proof",
    ] as const) {
      expect(challenge({ outcome: "unauthenticated", reason })).toMatch(
        /^DPoP realm="shop", error="invalid_dpop_proof", error_description="[^"]+", algs="ES256 EdDSA"$/,
      );
    }
    expect(challenge({ outcome: "unauthenticated", reason: "downgraded_token" })).toMatch(
      /^DPoP realm="shop", error="invalid_token", .*, algs="ES256 EdDSA"$/,
    );
  });

  it("return a nonce when one is missing (RFC 9449, section 9)", () => {
    const decision = {
      outcome: "unauthenticated",
      reason: "stale_dpop_nonce",
      dpopNonce: "eyJ7S_zG.eyJH0-Z.HX4w-7v",
    } as const;
    const { status, headers, body } = buildAnswer(toDenial(decision), OPTIONS, "r-1");
    expect(status).toBe(401);
    expect(headers["DPoP-Nonce"]).toBe("eyJ7S_zG.eyJH0-Z.HX4w-7v");
    expect(headers["WWW-Authenticate"]).toMatch(
      /^DPoP realm="shop", error="use_dpop_nonce", error_description="[^"]+", algs="ES256 EdDSA"$/,
    );
    expect(JSON.parse(body)).toMatchObject({ error: "use_dpop_nonce" });
  });

  it("return the same challenge for every other token error", () => {
    const challenges = (
      ["unknown_token", "expired_token", "wrong_client_certificate"] as const
    ).map((reason) => challenge({ outcome: "unauthenticated", reason }));
    expect(new Set(challenges).size).toBe(1);
    expect(challenges[0]).toMatch(/^Bearer realm="shop", error="invalid_token"/);
    expect(challenge({ outcome: "unauthenticated", reason: "missing_token" })).toBe(
      'Bearer realm="shop"',
    );
  });

  it("name the authentication context classes and the maximum age for a step-up (RFC 9470)", () => {
    const decision = {
      outcome: "insufficient_authentication",
      token,
      acrValues: ["mfa", "phr"],
      maxAgeSeconds: 300,
    } as const;
    expect(challenge(decision)).toMatch(
      /^Bearer realm="shop", error="insufficient_user_authentication", error_description="[^"]+", acr_values="mfa phr", max_age="300"$/,
    );
    const { status, body } = buildAnswer(toDenial(decision), OPTIONS, "r-1");
    expect(status).toBe(401);
    expect(JSON.parse(body)).toMatchObject({ error: "insufficient_user_authentication" });
  });
});
