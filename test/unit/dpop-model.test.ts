import { createHash, createHmac, generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import { calculateJwkThumbprint } from "jose";
import { describe, expect, it } from "vitest";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { checkDpopProof } from "../../shared/token-verifiers/dpop-proof.ts";

const NOW_MS = 1_700_000_000_000;
const NOW_SECONDS = NOW_MS / 1000;
const TOKEN = "an-access-token";
const URL_OF_CALL = "https://api.example.com/orders/42";
const { dpop } = parseMonitoringConfig({});

const newPair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const own = newPair();
const jwk = own.publicKey.export({ format: "jwk" });
const keyThumbprint = await calculateJwkThumbprint(jwk as never);
const other = newPair();

const part = (value: object | string) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const ath = (token: string) => createHash("sha256").update(token).digest("base64url");

/** Returns a signed proof in compact form. The header and claims aren't checked. */
function signProof(header: object | string, claims: object | string, key = own.privateKey): string {
  const input = `${part(header)}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

const HEADER = { typ: "dpop+jwt", alg: "ES256", jwk };
const CLAIMS = { jti: "p1", htm: "GET", htu: URL_OF_CALL, iat: NOW_SECONDS, ath: ath(TOKEN) };

const verdict = (...proofs: string[]) =>
  checkDpopProof(
    { method: "GET", urls: [URL_OF_CALL], proofs, accessToken: TOKEN, keyThumbprint },
    dpop,
    NOW_MS,
  );

describe("checkDpopProof", () => {
  it("accepts a proof exactly when the model accepts it", async () => {
    const change = fc.record({
      typ: fc.constantFrom("dpop+jwt", "dpop+jwt", "DPoP+JWT", "application/dpop+jwt", "JWT", 7),
      alg: fc.constantFrom("ES256", "ES256", "ES256", "ES384", "none", "HS256"),
      shown: fc.constantFrom("own", "own", "own", "other", "private", undefined),
      signer: fc.constantFrom("own", "own", "own", "other"),
      jti: fc.constantFrom("p1", "p2", "", "x".repeat(257), 7, undefined),
      htm: fc.constantFrom("GET", "GET", "get", "POST", undefined),
      htu: fc.constantFrom(
        URL_OF_CALL,
        `${URL_OF_CALL}?a=1#b`,
        "HTTPS://API.example.com:443/orders/%34%32",
        "https://api.example.com/orders/43",
        "https://api.example.com.evil.example/orders/42",
        "http://api.example.com/orders/42",
        "orders/42",
      ),
      age: fc.constantFrom(0, 60, -60, 61, -61, Number.NaN),
      token: fc.constantFrom(TOKEN, TOKEN, "another-token"),
    });
    const good = {
      typ: "dpop+jwt",
      alg: "ES256",
      shown: "own",
      signer: "own",
      jti: "p1",
      htm: "GET",
      htu: URL_OF_CALL,
      age: 0,
      token: TOKEN,
    } as const;
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(change, async (made) => {
        const shown = {
          own: jwk,
          other: other.publicKey.export({ format: "jwk" }),
          private: own.privateKey.export({ format: "jwk" }),
        };
        const text = signProof(
          { typ: made.typ, alg: made.alg, jwk: made.shown && shown[made.shown] },
          {
            jti: made.jti,
            htm: made.htm,
            htu: made.htu,
            iat: NOW_SECONDS - made.age,
            ath: ath(made.token),
          },
          made.signer === "own" ? own.privateKey : other.privateKey,
        );
        const isGood =
          String(made.typ).toLowerCase().endsWith("dpop+jwt") &&
          made.alg === "ES256" &&
          made.shown === "own" &&
          made.signer === "own" &&
          (made.jti === "p1" || made.jti === "p2") &&
          made.htm === "GET" &&
          !/43$|evil|^http:|^orders/.test(made.htu) &&
          Math.abs(made.age) <= 60 &&
          made.token === TOKEN;
        const outcome = await verdict(text);
        if (isGood) {
          accepted += 1;
          expect(outcome).toMatchObject({ keyThumbprint, jti: made.jti });
        } else expect(outcome).toMatch(/^[a-z_]+_dpop_[a-z]+$/);
      }),
      { numRuns: 300, examples: [[good]] },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  const claimsText = JSON.stringify(CLAIMS);
  const headerText = JSON.stringify(HEADER);
  const hmac = (() => {
    const input = `${part({ ...HEADER, alg: "HS256" })}.${part(CLAIMS)}`;
    const mac = createHmac("sha256", JSON.stringify(jwk)).update(input).digest("base64url");
    return `${input}.${mac}`;
  })();

  it.each([
    ["alg none", `${part({ ...HEADER, alg: "none" })}.${part(CLAIMS)}.`],
    ["HMAC with the public key", hmac],
    ["crit", signProof({ ...HEADER, crit: ["exp"], exp: 1 }, CLAIMS)],
    ["b64=false", signProof({ ...HEADER, b64: false, crit: ["b64"] }, CLAIMS)],
    ["a header that occurs twice", signProof(headerText.replace("{", '{"alg":"none",'), CLAIMS)],
    ["a claim that occurs twice", signProof(HEADER, claimsText.replace("{", '{"htm":"POST",'))],
    [
      "a claim that occurs twice, escaped",
      signProof(HEADER, claimsText.replace("{", '{"\\u0068tm":"P",')),
    ],
    [
      "a key in a certificate chain",
      signProof({ typ: "dpop+jwt", alg: "ES256", x5c: ["AA"] }, CLAIMS),
    ],
    [
      "a key URL",
      signProof({ typ: "dpop+jwt", alg: "ES256", jku: "https://evil.example" }, CLAIMS),
    ],
    [
      "a shared secret as the key",
      signProof({ ...HEADER, jwk: { kty: "oct", k: "AAAA" } }, CLAIMS),
    ],
    ["an encrypted proof", `${part({ alg: "dir", enc: "A256GCM" })}.AA.AA.AA.AA`],
    ["a nested proof", signProof({ ...HEADER, cty: "JWT" }, CLAIMS)],
    ["deep nesting", signProof(HEADER, `{"a":${"[".repeat(400)}${"]".repeat(400)}}`)],
    ["a huge proof", signProof(HEADER, { ...CLAIMS, padding: "x".repeat(11_000) })],
    ["JSON serialization", JSON.stringify({ protected: part(HEADER), payload: part(CLAIMS) })],
  ])("rejects a hostile proof: %s", async (_, text) => {
    expect(await verdict(text)).toBe("malformed_dpop_proof");
  });

  it("returns the same result for both encodings of an ECDSA signature", async () => {
    const text = signProof(HEADER, CLAIMS);
    const [head, body, signature = ""] = text.split(".");
    const bytes = Buffer.from(signature, "base64url");
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const s = order - BigInt(`0x${bytes.subarray(32).toString("hex")}`);
    const twin = Buffer.concat([
      bytes.subarray(0, 32),
      Buffer.from(s.toString(16).padStart(64, "0"), "hex"),
    ]);
    const otherEncoding = `${head}.${body}.${twin.toString("base64url")}`;
    expect(otherEncoding).not.toBe(text);
    // Both proofs have the same `jti`, so the second one counts as a replay.
    expect(await verdict(otherEncoding)).toEqual(await verdict(text));
    expect(await verdict(text)).toMatchObject({ jti: "p1" });
  });
});
