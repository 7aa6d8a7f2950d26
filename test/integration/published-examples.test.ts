import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newKey, type SigningIssuer, startSigningIssuer } from "./signing-issuer.ts";
import { tokenScene } from "./token-scene.ts";

let issuer: SigningIssuer;
beforeAll(async () => {
  issuer = await startSigningIssuer({ alg: "RS256" });
});
afterAll(() => issuer.close());

const SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:api-AbCdEf";

/**
 * Creates a scene whose only issuer is one of the examples. The issuer serves its keys and responses on this machine.
 */
async function createScene(example: object, nowSeconds: number) {
  const made = await tokenScene({
    issuers: [{ jwksUri: `${issuer.origin}/keys`, ...example } as never],
    defaultScopes: { read: ["read"] },
  });
  made.time.nowMs = nowSeconds * 1000;
  return made;
}

const introspected = (iss: string, more: object = {}, introspection: object = {}) => ({
  issuer: iss,
  verification: "introspection",
  introspection: {
    endpoint: `${issuer.origin}/introspect`,
    clientId: "rs",
    secretArn: SECRET_ARN,
    cacheSeconds: 0,
    ...introspection,
  },
  ...more,
});

describe("JWT access token of RFC 9068, section 2.2", () => {
  const config = {
    issuer: "https://authorization-server.example.com/",
    audiences: ["https://rs.example.com/"],
  };
  const claims = {
    iss: "https://authorization-server.example.com/",
    sub: "5ba552d67",
    aud: "https://rs.example.com/",
    exp: 1639528912,
    iat: 1618354090,
    jti: "dbe39bf3a3ba4238a513f51d6e1691c4",
    client_id: "s6BhdRkqt3",
    scope: "openid profile reademail",
  };
  const header = { typ: "at+JWT", alg: "RS256", kid: "RjEwOwOA" };

  it("is allowed until it expires, with the user, client and scopes that it names", async () => {
    const own = await newKey("RS256");
    issuer.others = [{ ...own.publicJwk, kid: "RjEwOwOA" }];
    const { call, verdict, time } = await createScene(config, 1618354091);
    const text = await issuer.sign(claims, header, own);
    const decision = await call(text);
    expect(decision).toMatchObject({
      outcome: "insufficient_scope",
      token: {
        oauth_client_id: "s6BhdRkqt3",
        user_id: "5ba552d67",
        scopes: ["openid", "profile", "reademail"],
        issued_at: "2021-04-13T22:48:10.000Z",
        expires_at: "2021-12-15T00:41:52.000Z",
      },
    });
    const other = { ...claims, aud: "https://other.example.com/" };
    expect(await verdict(await issuer.sign(other, header, own))).toBe("wrong_audience");
    expect(await verdict(await issuer.sign(claims, { ...header, typ: "JWT" }, own))).toBe(
      "wrong_token_type",
    );
    time.nowMs = 1639528912_000;
    expect(await verdict(text)).toBe("expired_token");
    issuer.others = [];
  });
});

describe("response of RFC 7662, section 2.2", () => {
  const answer = {
    active: true,
    client_id: "l238j323ds-23ij4",
    username: "jdoe",
    scope: "read write dolphin",
    sub: "Z5O3upPC88QrAjx00dis",
    aud: "https://protected.example.net/resource",
    iss: "https://server.example.com/",
    exp: 1419356238,
    iat: 1419350238,
    extension_field: "twenty-seven",
  };
  const config = () =>
    introspected("https://server.example.com/", {
      audiences: ["https://protected.example.net/resource"],
    });

  it("allows the call if it also says that the token is an access token", async () => {
    const { call, verdict } = await createScene(config(), 1419350300);
    const requests: string[] = [];
    issuer.routes.set("/introspect", (body) => {
      requests.push(body);
      return { text: JSON.stringify({ ...answer, token_type: "Bearer" }) };
    });
    expect(await call("2YotnFZFEjr1zCsicMWpAA")).toMatchObject({
      outcome: "allowed",
      token: {
        oauth_client_id: "l238j323ds-23ij4",
        user_id: "Z5O3upPC88QrAjx00dis",
        scopes: ["read", "write", "dolphin"],
      },
    });
    expect(Object.fromEntries(new URLSearchParams(requests[0]))).toEqual({
      token: "2YotnFZFEjr1zCsicMWpAA",
      token_type_hint: "access_token",
    });
    // Unchanged, the response could also describe a refresh token.
    issuer.routes.set("/introspect", () => ({ text: JSON.stringify(answer) }));
    expect(await verdict("mF_9.B5f-4.1JqM")).toBe("wrong_token_type");
    issuer.routes.set("/introspect", () => ({ text: JSON.stringify({ active: false }) }));
    expect(await verdict("mF_9.B5f-4.1JqM")).toBe("inactive_token");
  });
});

describe("signed response of RFC 9701, section 5", () => {
  it("allows the call only for its recipient and while it is valid", async () => {
    const signed = {
      iss: "https://as.example.com/",
      aud: "https://rs.example.com/resource",
      iat: 1514797892,
      token_introspection: {
        active: true,
        iss: "https://as.example.com/",
        aud: "https://rs.example.com/resource",
        iat: 1514797822,
        exp: 1514797942,
        client_id: "paiB2goo0a",
        scope: "read write dolphin",
        sub: "Z5O3upPC88QrAjx00dis",
        birthdate: "1982-02-01",
        given_name: "John",
        family_name: "Doe",
        jti: "t1FoCCaZd4Xv4ORJUWVUeTZfsKhW30CQCrWDDjwXy6w",
        token_type: "Bearer",
      },
    };
    const config = introspected(
      "https://as.example.com/",
      { audiences: ["https://rs.example.com/resource"] },
      { signedAnswers: true },
    );
    const { call, verdict, time } = await createScene(config, 1514797893);
    const type = "application/token-introspection+jwt";
    const text = await issuer.sign(signed, { typ: "token-introspection+jwt" });
    issuer.routes.set("/introspect", () => ({ text, type }));
    expect(await call("opaque-1")).toMatchObject({
      outcome: "allowed",
      token: { oauth_client_id: "paiB2goo0a", user_id: "Z5O3upPC88QrAjx00dis" },
    });
    time.nowMs += 120_000;
    expect(await verdict("opaque-2")).toBe("unavailable");
  });
});

describe("confirmation of RFC 9449, section 6", () => {
  const jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
  const proof =
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
  const token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
  const call = {
    method: "GET",
    path: "/protectedresource",
    url: "https://resource.example.org/protectedresource",
    authorization: [`DPoP ${token}`],
    dpopProofs: [proof],
  };

  it("allows the request in section 7.1 with that request's proof, once", async () => {
    const answer = {
      active: true,
      sub: "someone@example.com",
      iss: "https://server.example.com",
      nbf: 1562262611,
      exp: 1562266216,
      cnf: { jkt },
    };
    const { verdict } = await createScene(introspected("https://server.example.com"), 1562262618);
    // The example is missing the client and the time of issue.
    const complete = {
      ...answer,
      iat: 1562262611,
      client_id: "app",
      token_type: "DPoP",
      scope: "read",
    };
    issuer.routes.set("/introspect", () => ({ text: JSON.stringify(answer) }));
    expect(await verdict(token, call)).toBe("wrong_token_type");
    issuer.routes.set("/introspect", () => ({ text: JSON.stringify(complete) }));
    expect(await verdict(token, { ...call, dpopProofs: [] })).toBe("missing_dpop_proof");
    const elsewhere = { ...call, url: "https://other.example.org/protectedresource" };
    expect(await verdict(token, elsewhere)).toBe("foreign_dpop_proof");
    expect(await verdict(token, call)).toBe("allowed");
    expect(await verdict(token, call)).toBe("replayed_dpop_proof");
  });
});

describe("certificate of RFC 8705, appendix A", () => {
  const certificate = `-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----`;

  it("matches the thumbprint that the example's token is bound to", async () => {
    const { verdict, nowSeconds } = await createScene(
      introspected("https://server.example.com"),
      1547477430,
    );
    const answer = {
      active: true,
      sub: "ty.webb@example.com",
      client_id: "app",
      token_type: "Bearer",
      scope: "read",
      iat: nowSeconds(),
      exp: nowSeconds() + 60,
      cnf: { "x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0" },
    };
    issuer.routes.set("/introspect", () => ({ text: JSON.stringify(answer) }));
    expect(await verdict("bound", { clientCertificate: certificate })).toBe("allowed");
    expect(await verdict("bound")).toBe("missing_client_certificate");
    // The thumbprint of section 3.1 belongs to another certificate.
    answer.cnf["x5t#S256"] = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2";
    expect(await verdict("bound", { clientCertificate: certificate })).toBe(
      "wrong_client_certificate",
    );
  });
});
