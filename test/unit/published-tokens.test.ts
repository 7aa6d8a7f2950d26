import { generateKeyPairSync, sign } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { ALGORITHMS } from "../../shared/config/issuer-parameters.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { checkDpopProof } from "../../shared/token-verifiers/dpop-proof.ts";
import { IssuerKeys } from "../../shared/token-verifiers/issuer-keys.ts";
import { readSignedJwt } from "../../shared/token-verifiers/json-web-token.ts";
import { checkSignature } from "../../shared/token-verifiers/jwt-verifier.ts";

const LIMITS = { keysRefreshSeconds: 60, keysMaxAgeSeconds: 600, unknownKeyCooldownSeconds: 30 };
const MOMENT = { atMs: 1_300_819_000_000, defer: () => {} };

async function check(text: string, key: object, algorithms = ["ES256", "RS256"]) {
  const jwt = readSignedJwt(text);
  if (typeof jwt === "string") return jwt;
  const keys = new IssuerKeys(async () => ({ keys: [key] }), LIMITS);
  const outcome = await checkSignature(jwt, keys, algorithms, MOMENT);
  return outcome.status === "refused" ? outcome.reason : outcome.status;
}

/** `{"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}` */
const PAYLOAD =
  "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

describe("the examples of RFC 7515", () => {
  const es256 = {
    kty: "EC",
    crv: "P-256",
    x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
  };
  const signature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

  it("ES256 (appendix A.3) is valid, and not after a change", async () => {
    expect(await check(`eyJhbGciOiJFUzI1NiJ9.${PAYLOAD}.${signature}`, es256)).toBe("valid");
    const changed = signature.replace("DtEh", "DtEi");
    expect(await check(`eyJhbGciOiJFUzI1NiJ9.${PAYLOAD}.${changed}`, es256)).toBe(
      "invalid_signature",
    );
    // For encryption, or for another algorithm, the key is none.
    for (const other of [{ use: "enc" }, { alg: "ES384" }, { key_ops: ["sign"] }]) {
      expect(
        await check(`eyJhbGciOiJFUzI1NiJ9.${PAYLOAD}.${signature}`, { ...es256, ...other }),
      ).toBe("unknown_key");
    }
  });

  it("HS256 (appendix A.1) and none (appendix A.5) are refused", async () => {
    const hs256 = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
    const secret =
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    expect(await check(hs256, { kty: "oct", k: secret })).toBe("forbidden_algorithm");
    expect(await check(`eyJhbGciOiJub25lIn0.${PAYLOAD}.`, es256)).toBe("forbidden_algorithm");
  });
});

describe("a signature", () => {
  it.each(ALGORITHMS)(
    "of %s is valid, and in no other length, with no other bit or key",
    async (alg) => {
      const [{ privateKey, publicKey }, other] = await Promise.all([
        generateKeyPair(alg, { extractable: true }),
        generateKeyPair(alg, { extractable: true }),
      ]);
      const jwk = await exportJWK(publicKey);
      const text = await new SignJWT({ sub: "ada" }).setProtectedHeader({ alg }).sign(privateKey);
      const algorithms = [...ALGORITHMS];
      expect(await check(text, jwk, algorithms)).toBe("valid");
      expect(await check(text, await exportJWK(other.publicKey), algorithms)).toBe(
        "invalid_signature",
      );
      const end = text.lastIndexOf(".") + 1;
      const signature = Buffer.from(text.slice(end), "base64url");
      const flipped = Buffer.from(signature);
      flipped.writeUInt8(flipped.readUInt8(7) ^ 1, 7);
      const long = Buffer.concat([signature, Buffer.alloc(1)]);
      const zero = Buffer.alloc(signature.length);
      for (const wrong of [flipped, long, zero, signature.subarray(1), Buffer.alloc(1)]) {
        const changed = `${text.slice(0, end)}${wrong.toString("base64url")}`;
        expect(await check(changed, jwk, algorithms)).toBe("invalid_signature");
      }
      // Only what the configuration allows.
      const allowed = algorithms.filter((each) => each !== alg);
      expect(await check(text, jwk, allowed)).toBe("forbidden_algorithm");
    },
  );

  it("needs an RSA key of 2,048 bits", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const signed = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.${PAYLOAD}`;
    const signature = sign("sha256", Buffer.from(signed), privateKey).toString("base64url");
    const jwk = publicKey.export({ format: "jwk" });
    expect(await check(`${signed}.${signature}`, jwk)).toBe("unknown_key");
  });
});

describe("the example of RFC 9449, section 7.1", () => {
  const accessToken = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
  const proof =
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
  const call = {
    method: "GET",
    urls: ["https://resource.example.org/protectedresource"],
    proofs: [proof],
    accessToken,
    keyThumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
  };
  const { dpop } = parseMonitoringConfig({});
  const nowMs = 1_562_262_618_000;

  it("is a proof of its call, and of no other", async () => {
    expect(await checkDpopProof(call, dpop, nowMs)).toMatchObject({ jti: "e1j3V_bKic8-LAEB" });
    expect(await checkDpopProof({ ...call, method: "POST" }, dpop, nowMs)).toBe(
      "foreign_dpop_proof",
    );
    expect(await checkDpopProof(call, dpop, nowMs + 61_000)).toBe("stale_dpop_proof");
    const broken = `${proof.slice(0, -3)}AAA`;
    expect(await checkDpopProof({ ...call, proofs: [broken] }, dpop, nowMs)).toBe(
      "invalid_dpop_signature",
    );
  });
});
