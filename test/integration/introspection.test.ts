import { createHash, X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { IntrospectionVerifier } from "../../shared/token-verifiers/introspection-verifier.ts";
import { newKey, type SigningIssuer, startSigningIssuer } from "./signing-issuer.ts";
import { tokenScene } from "./token-scene.ts";

let issuer: SigningIssuer;
beforeAll(async () => {
  issuer = await startSigningIssuer();
});
afterAll(() => issuer.close());

const SIGNED = "application/token-introspection+jwt";

async function scene(over = {}, more = {}, readSecret?: () => Promise<string>) {
  const config: MonitoringConfigInput = {
    issuers: [
      {
        issuer: issuer.issuer,
        verification: "introspection",
        introspection: {
          clientId: "api",
          secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:api-AbCdEf",
          cacheSeconds: 0,
          ...over,
        },
        ...more,
      },
    ],
  };
  const made = await tokenScene(config, readSecret);
  const active = (claims = {}) => ({
    active: true,
    client_id: "app",
    sub: "ada",
    scope: "api:read",
    token_type: "Bearer",
    iat: made.nowSeconds() - 10,
    exp: made.nowSeconds() + 600,
    ...claims,
  });
  let text = 0;
  /** Returns the decision about a new token when the issuer sends this introspection response. */
  const verdictOn = (answer: string, type = "application/json", status = 200) => {
    issuer.routes.set("/introspect", () => ({ text: answer, type, status }));
    text += 1;
    return made.verdict(`opaque-${text}`);
  };
  return { ...made, active, verdictOn };
}

describe("introspection response", () => {
  it("is interpreted strictly", async () => {
    const { active, verdictOn, nowSeconds } = await scene({}, { audiences: ["https://api"] });
    const good = active({ aud: ["https://api", "x"] });
    expect(await verdictOn(JSON.stringify(good))).toBe("allowed");
    const cases: [string, object, string][] = [
      ["inactive", { active: false }, "inactive_token"],
      ["another audience", { ...good, aud: "x" }, "wrong_audience"],
      ["no audience", { ...good, aud: undefined }, "wrong_audience"],
      ["another issuer", { ...good, iss: "https://evil.example.com" }, "unknown_issuer"],
      ["a refresh token", { ...good, token_type: "refresh_token" }, "wrong_token_type"],
      ["a token of no type", { ...good, token_type: undefined }, "wrong_token_type"],
      ["an expired token", { ...good, exp: nowSeconds() }, "expired_token"],
      ["no expiry", { ...good, exp: undefined }, "invalid_claims"],
      ["no time of issue", { ...good, iat: undefined }, "invalid_claims"],
      ["no client", { ...good, client_id: undefined }, "invalid_claims"],
      ["active as text", { ...good, active: "true" }, "unavailable"],
      ["no object", [], "unavailable"],
    ];
    for (const [name, answer, verdict] of cases) {
      expect(await verdictOn(JSON.stringify(answer)), name).toBe(verdict);
    }
  });

  it("that is invalid fails closed", async () => {
    const { active, verdictOn } = await scene();
    const good = JSON.stringify(active());
    expect(await verdictOn("<html>", "text/html")).toBe("unavailable");
    expect(await verdictOn(good, "text/html")).toBe("unavailable");
    expect(await verdictOn(good, "application/json", 500)).toBe("unavailable");
    expect(await verdictOn(good, "application/json", 401)).toBe("unavailable");
    expect(await verdictOn(`${good}${" ".repeat(600_000)}`)).toBe("unavailable");
    expect(await verdictOn(good)).toBe("allowed");
  });

  it("must be signed for this client and current if signed responses are configured", async () => {
    const { active, verdictOn, nowSeconds } = await scene({ signedAnswers: true });
    const header = { typ: "token-introspection+jwt" };
    const claims = {
      iss: issuer.issuer,
      aud: "api",
      iat: nowSeconds(),
      token_introspection: active(),
    };
    const signed = (over = {}, head = {}, key = issuer.key) =>
      issuer.sign({ ...claims, ...over }, { ...header, ...head }, key);
    expect(await verdictOn(await signed(), SIGNED)).toBe("allowed");
    const forged = { ...(await newKey()), kid: issuer.key.kid };
    const other = await newKey();
    const part = (value: object | string) =>
      Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
    for (const [name, answer] of [
      ["another key", await signed({}, {}, forged)],
      ["another typ", await signed({}, { typ: "JWT" })],
      ["another issuer", await signed({ iss: "https://evil.example.com" })],
      ["another recipient", await signed({ aud: "other" })],
      ["an old answer", await signed({ iat: nowSeconds() - 61 })],
      ["no answer", await signed({ token_introspection: undefined })],
      ["alg none", `${part({ ...header, alg: "none" })}.${part(claims)}.`],
      ["a shared secret", `${part({ ...header, alg: "HS256" })}.${part(claims)}.AAAA`],
      ["crit", await signed({}, { crit: ["b64"], b64: true })],
      ["an embedded key", await signed({}, { jwk: other.publicJwk }, other)],
      ["a nested JWT", await signed({}, { cty: "JWT" })],
      ["an encrypted answer", `${part({ alg: "dir", enc: "A256GCM" })}.AA.AA.AA.AA`],
      ["a claim that occurs twice", `${part(header)}.${part('{"iss":"a","iss":"b"}')}.AAAA`],
    ] as const) {
      expect(await verdictOn(answer, SIGNED), name).toBe("unavailable");
    }
    expect(await verdictOn(JSON.stringify(active()))).toBe("unavailable");
    expect(await verdictOn(await signed({ token_introspection: { active: false } }), SIGNED)).toBe(
      "inactive_token",
    );
  });

  it("with status 400 denies only this token, unless the error is about the calling client", async () => {
    let reads = 0;
    const { verdictOn } = await scene({}, {}, async () => `secret-${++reads}`);
    const bad = (error?: string) => verdictOn(JSON.stringify({ error }), "application/json", 400);
    expect(await bad("invalid_request")).toBe("inactive_token");
    expect(await bad("unsupported_token_type")).toBe("inactive_token");
    expect(await verdictOn("<html>", "text/html", 400)).toBe("inactive_token");
    expect(await bad("unauthorized_client")).toBe("unavailable");
    expect(reads).toBe(1);
    expect(await bad("invalid_client")).toBe("unavailable");
    expect(reads).toBe(2);
    expect(await verdictOn("{}", "application/json", 401)).toBe("unavailable");
    expect(reads).toBe(3);
  });

  it("about an active token is not evicted by invented tokens", async () => {
    const { active, config } = await scene({ cacheSeconds: 60 });
    const [configured] = config.issuers;
    if (!configured) throw new Error("there is no issuer");
    const requests: string[] = [];
    issuer.routes.set("/introspect", (body) => {
      const token = String(new URLSearchParams(body).get("token"));
      requests.push(token);
      return { text: JSON.stringify(token === "real" ? active() : { active: false }) };
    });
    const verifier = new IntrospectionVerifier(configured, new Set(), async () => "secret", 10);
    const verify = async (text: string) =>
      (await verifier.verify({ text } as never, { atMs: Date.now(), defer: () => {} })).status;
    await verify("real");
    for (let n = 0; n < 20; n += 1) expect(await verify(`junk-${n}`)).toBe("rejected");
    await verify("junk-19");
    await verify("real");
    expect(requests.filter((token) => token === "real")).toHaveLength(1);
    expect(requests.filter((token) => token === "junk-19")).toHaveLength(1);
  });

  it("comes from the issuer that the token's prefix selects", async () => {
    const { verdict, active } = await scene({ tokenPrefix: "acme_" });
    issuer.routes.set("/introspect", () => ({ text: JSON.stringify(active()) }));
    expect(await verdict("acme_1")).toBe("allowed");
    // The prefix does not belong to that issuer, so the token is looked up in our own table.
    expect(await verdict("other_1")).toBe("unknown_token");
  });
});

/** A client's self-signed certificate. Its private key was deleted. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUSkf3Ap96LOR4Ti7HoROpq+DSq3wwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGY2xpZW50MCAXDTI2MTEyNTAzMjQ0OVoYDzIxMjYxMTAxMDMy
NDQ5WjARMQ8wDQYDVQQDDAZjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQxX43oeCZMkpm4CXXIhmZGwL2cZIoqdlusGFg/RCUw0il5dOr4U7b/0vXrQ9HW
TtUBRSnva4jhgWdOIRi8MkZYo1MwUTAdBgNVHQ4EFgQUNgE5fgDVNJ2KGhNDkOXB
nTxtkJowHwYDVR0jBBgwFoAUNgE5fgDVNJ2KGhNDkOXBnTxtkJowDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAYDApbjAg1XU9MBRbY6oBpuLhtipGb
mKB5Wd3+x58BYwIhAOXopRP2I56nBPeaJTbhBouhAhxErbNKcsG9uOmC2V9D
-----END CERTIFICATE-----`;

describe("token that is bound to a certificate", () => {
  it("is allowed only with that certificate", async () => {
    const { verdict, active, ofType } = await scene();
    const thumbprint = createHash("sha256")
      .update(new X509Certificate(CERTIFICATE).raw)
      .digest("base64url");
    const answer = { ...active(), cnf: { "x5t#S256": thumbprint } };
    issuer.routes.set("/introspect", () => ({ text: JSON.stringify(answer) }));
    expect(await verdict("bound", { clientCertificate: CERTIFICATE })).toBe("allowed");
    expect(await verdict("bound")).toBe("missing_client_certificate");
    expect(await verdict("bound", { clientCertificate: "nonsense" })).toBe(
      "wrong_client_certificate",
    );
    answer.cnf = { "x5t#S256": "A".repeat(43) };
    expect(await verdict("bound", { clientCertificate: CERTIFICATE })).toBe(
      "wrong_client_certificate",
    );
    expect(ofType("auth_failed").map(({ event_data }) => event_data.reason)).toEqual([
      "missing_client_certificate",
      "wrong_client_certificate",
      "wrong_client_certificate",
    ]);
  });
});
