import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  privateEncrypt,
  sign,
} from "node:crypto";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { ALGORITHMS } from "../../shared/config/issuer-parameters.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { checkDpopProof } from "../../shared/token-verifiers/dpop-proof.ts";
import { IssuerKeys } from "../../shared/token-verifiers/issuer-keys.ts";
import { readSignedJwt } from "../../shared/token-verifiers/json-web-token.ts";
import { isSignatureValid } from "../../shared/token-verifiers/jws-signature.ts";
import { checkSignature } from "../../shared/token-verifiers/jwt-verifier.ts";

const LIMITS = { keysRefreshSeconds: 60, keysMaxAgeSeconds: 600, unknownKeyCooldownSeconds: 30 };
const MOMENT = { atMs: 1_300_819_000_000, defer: () => {} };

async function check(text: string, key: object, algorithms = ["ES256", "RS256"]) {
  const jwt = readSignedJwt(text);
  if (typeof jwt === "string") return jwt;
  const keys = new IssuerKeys(async () => ({ keys: [key] }), LIMITS);
  const outcome = await checkSignature(jwt, keys, algorithms, MOMENT);
  return outcome.status === "rejected" ? outcome.reason : outcome.status;
}

/** `{"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}` */
const PAYLOAD =
  "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

describe("RFC 7515 examples", () => {
  const es256 = {
    kty: "EC",
    crv: "P-256",
    x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
  };
  const signature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

  it("accepts ES256 (appendix A.3) and rejects the same token after a change", async () => {
    expect(await check(`eyJhbGciOiJFUzI1NiJ9.${PAYLOAD}.${signature}`, es256)).toBe("valid");
    const changed = signature.replace("DtEh", "DtEi");
    expect(await check(`eyJhbGciOiJFUzI1NiJ9.${PAYLOAD}.${changed}`, es256)).toBe(
      "invalid_signature",
    );
    // The key isn't used for encryption or for a different algorithm.
    for (const other of [{ use: "enc" }, { alg: "ES384" }, { key_ops: ["sign"] }]) {
      expect(
        await check(`eyJhbGciOiJFUzI1NiJ9.${PAYLOAD}.${signature}`, { ...es256, ...other }),
      ).toBe("unknown_key");
    }
  });

  it("rejects HS256 (appendix A.1) and none (appendix A.5)", async () => {
    const hs256 = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
    const secret =
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    expect(await check(hs256, { kty: "oct", k: secret })).toBe("forbidden_algorithm");
    expect(await check(`eyJhbGciOiJub25lIn0.${PAYLOAD}.`, es256)).toBe("forbidden_algorithm");
  });
});

describe("further RFC examples", () => {
  it("accepts RS256 (RFC 7515, appendix A.2) and rejects the same token after a change", async () => {
    const rs256 = {
      kty: "RSA",
      n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
      e: "AQAB",
    };
    const signature =
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const head = "eyJhbGciOiJSUzI1NiJ9";
    expect(await check(`${head}.${PAYLOAD}.${signature}`, rs256)).toBe("valid");
    expect(await check(`${head}.${PAYLOAD}.${signature.replace("cC4", "cC5")}`, rs256)).toBe(
      "invalid_signature",
    );
    // The same key can't be used for an algorithm with a different key type.
    expect(await check(`eyJhbGciOiJFUzI1NiJ9.${PAYLOAD}.${signature}`, rs256)).toBe("unknown_key");
  });

  // These examples sign plain text instead of claims, so only the signature can be checked.
  it.each([
    [
      "ES512 (RFC 7515, appendix A.4)",
      "ES512",
      {
        kty: "EC",
        crv: "P-521",
        x: "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        y: "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
      },
      "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
    ],
    [
      "Ed25519 (RFC 8037, appendix A.4)",
      "EdDSA",
      { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ],
  ])("accepts the signature of %s, but not as a token", async (_, algorithm, jwk, text) => {
    const key = createPublicKey({ key: jwk, format: "jwk" });
    expect(isSignatureValid(text, algorithm, key)).toBe(true);
    expect(isSignatureValid(text.replace(".", ".AA"), algorithm, key)).toBe(false);
    expect(await check(text, jwk, [algorithm])).toBe("malformed_jwt");
  });

  it("rejects the unsecured JWT in RFC 7519, section 6.1, and the encrypted JWT in appendix A.2", async () => {
    const unsecured = `eyJhbGciOiJub25lIn0.${PAYLOAD}.`;
    expect(await check(unsecured, {}, ["RS256"])).toBe("forbidden_algorithm");
    // Header from the example: a JWT that is signed and then encrypted.
    const head = "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiY3R5IjoiSldUIn0";
    expect(JSON.parse(Buffer.from(head, "base64url").toString())).toMatchObject({ cty: "JWT" });
    expect(readSignedJwt(`${head}.AAAA.AAAA.AAAA.AAAA`)).toBe("encrypted_jwt");
    expect(readSignedJwt(`${head}.AAAA.AAAA`)).toBe("encrypted_jwt");
  });

  it("rejects the b64=false header in RFC 7797, section 4", () => {
    const head = "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19";
    const signature = "A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY";
    expect(readSignedJwt(`${head}.JC4wMg.${signature}`)).toBe("unsupported_jwt_header");
    expect(readSignedJwt(`${head}..${signature}`)).toBe("malformed_jwt");
  });
});

describe("manipulated signatures", () => {
  const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const word = (value: bigint, bytes = 32) =>
    Buffer.from(value.toString(16).padStart(bytes * 2, "0"), "hex");

  it("rejects ECDSA signatures with r or s outside the group's range", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = publicKey.export({ format: "jwk" });
    const text = await new SignJWT({ sub: "ada" })
      .setProtectedHeader({ alg: "ES256" })
      .sign(privateKey);
    const signed = text.slice(0, text.lastIndexOf("."));
    const good = Buffer.from(text.slice(signed.length + 1), "base64url");
    const [r, s] = [good.subarray(0, 32), good.subarray(32)].map((half) =>
      BigInt(`0x${half.toString("hex")}`),
    ) as [bigint, bigint];
    const edges = [0n, 1n, N - 1n, N, N + 1n, 2n ** 256n - 1n];
    const bent = edges.flatMap((a) => [
      ...edges.map((b) => Buffer.concat([word(a), word(b)])),
      Buffer.concat([word(a), word(s)]),
      Buffer.concat([word(r), word(a)]),
    ]);
    // Cases from Wycheproof's `SpecialCaseEs256`: an extra byte, and r and s that are valid modulo
    // the group order.
    const longer = [
      Buffer.concat([word(r, 33), word(s, 33)]),
      Buffer.concat([word(r), word(s, 33)]),
      Buffer.concat([word(r + N, 33), word(s, 33)]),
      Buffer.concat([word(r, 33), word(s + N, 33)]),
      Buffer.concat([word(r + 2n ** 256n, 33), word(s, 33)]),
      Buffer.concat([word(r, 33), word(s + 2n ** 256n, 33)]),
      Buffer.concat([word(r, 256), word(s, 256)]),
      sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "der" }),
    ];
    for (const signature of [...bent, ...longer]) {
      const forged = `${signed}.${signature.toString("base64url")}`;
      expect(await check(forged, jwk), signature.toString("hex")).toBe("invalid_signature");
    }
    expect(await check(text, jwk)).toBe("valid");
  });

  it("rejects RSA signatures with a different padding, hash or salt length", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const jwk = publicKey.export({ format: "jwk" });
    const input = (alg: string) =>
      `${Buffer.from(JSON.stringify({ alg })).toString("base64url")}.${PAYLOAD}`;
    const digest = createHash("sha256").update(input("RS256")).digest();
    /** Returns EMSA-PKCS1-v1_5 with valid or invalid content (RFC 8017, section 9.2). */
    const padded = (info: Buffer, type = 1, fill = 0xff) => {
      const rest = 256 - 3 - info.length;
      return Buffer.concat([Buffer.from([0, type]), Buffer.alloc(rest, fill), Buffer.of(0), info]);
    };
    const sha256 = Buffer.from("3031300d060960864801650304020105000420", "hex");
    const info = Buffer.concat([sha256, digest]);
    const raw = (encoded: Buffer) =>
      privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded);
    const verdict = (alg: string, signature: Buffer) =>
      check(`${input(alg)}.${signature.toString("base64url")}`, jwk, ["RS256", "PS256"]);
    expect(await verdict("RS256", raw(padded(info)))).toBe("valid");
    const withoutNull = Buffer.concat([
      Buffer.from("302f300b0609608648016503040201", "hex"),
      Buffer.from("0420", "hex"),
      digest,
    ]);
    const bent: [string, Buffer][] = [
      ["block type 2", padded(info, 2)],
      ["zeros for padding", padded(info, 1, 0)],
      ["no DigestInfo", padded(digest)],
      ["DigestInfo without NULL", padded(withoutNull)],
      [
        "another hash's DigestInfo",
        padded(
          Buffer.concat([
            Buffer.from("3021300906052b0e03021a05000414", "hex"),
            digest.subarray(0, 20),
          ]),
        ),
      ],
      ["garbage after the digest", padded(Buffer.concat([info, Buffer.alloc(8, 7)]))],
      // Bleichenbacher's attack: short padding leaves the attacker free to choose the rest of the block.
      [
        "short padding",
        Buffer.concat([Buffer.from([0, 1, 255, 0]), info, Buffer.alloc(256 - 4 - info.length, 7)]),
      ],
    ];
    for (const [name, encoded] of bent) {
      expect(encoded, name).toHaveLength(256);
      expect(await verdict("RS256", raw(encoded)), name).toBe("invalid_signature");
    }
    const pss = (saltLength: number, hash = "sha256") =>
      sign(hash, Buffer.from(input("PS256")), {
        key: privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength,
      });
    expect(await verdict("PS256", pss(32))).toBe("valid");
    for (const length of [0, 20, 31, 33, 64]) {
      expect(await verdict("PS256", pss(length)), String(length)).toBe("invalid_signature");
    }
    expect(await verdict("PS256", pss(32, "sha384"))).toBe("invalid_signature");
    // A signature made with one scheme isn't valid for the other.
    expect(await verdict("PS256", raw(padded(info)))).toBe("invalid_signature");
  });
});

describe("checkSignature", () => {
  it.each(ALGORITHMS)(
    "accepts %s but rejects a different length, a flipped bit or a different key",
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
      // Only configured algorithms are allowed.
      const allowed = algorithms.filter((each) => each !== alg);
      expect(await check(text, jwk, allowed)).toBe("forbidden_algorithm");
    },
  );

  it("requires an RSA key of 2,048 bits", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const signed = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.${PAYLOAD}`;
    const signature = sign("sha256", Buffer.from(signed), privateKey).toString("base64url");
    const jwk = publicKey.export({ format: "jwk" });
    expect(await check(`${signed}.${signature}`, jwk)).toBe("unknown_key");
  });

  /**
   * Returns the padded digest of a text (RFC 8017, section 9.2), which is its RSA signature for
   * exponent 1.
   */
  function paddedDigest(text: string): string {
    const algorithm = Buffer.from("3031300d060960864801650304020105000420", "hex");
    const digest = createHash("sha256").update(text).digest();
    const padding = Buffer.alloc(256 - 3 - algorithm.length - digest.length, 0xff);
    const parts = [Buffer.from([0, 1]), padding, Buffer.from([0]), algorithm, digest];
    return Buffer.concat(parts).toString("base64url");
  }
  const { n } = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({
    format: "jwk",
  });

  it.each(["AQ", "Ag", "AQAA"])(
    "requires an RSA key with an odd exponent of 3 or more: %s",
    async (e) => {
      const signed = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.${PAYLOAD}`;
      const outcome = await check(`${signed}.${paddedDigest(signed)}`, { kty: "RSA", n, e });
      expect(outcome).toBe("unknown_key");
    },
  );

  it("also requires a valid RSA key for a proof of possession", async () => {
    const jwk = { kty: "RSA", n: n as string, e: "AQ" };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const header = part({ typ: "dpop+jwt", alg: "RS256", jwk });
    const url = "https://api.example.com/";
    const ath = createHash("sha256").update("token").digest("base64url");
    const iat = MOMENT.atMs / 1000;
    const signed = `${header}.${part({ jti: "j", htm: "GET", htu: url, iat, ath })}`;
    const call = {
      method: "GET",
      urls: [url],
      proofs: [`${signed}.${paddedDigest(signed)}`],
      accessToken: "token",
      keyThumbprint: await calculateJwkThumbprint(jwk),
    };
    const { dpop } = parseMonitoringConfig({ dpop: { algorithms: ["RS256"] } });
    expect(await checkDpopProof(call, dpop, MOMENT.atMs)).toBe("malformed_dpop_proof");
  });
});

describe("RFC 9449, section 7.1 proof", () => {
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

  it("has the expected RFC 7638 thumbprint, unlike a proof with the example key in RFC 7638", async () => {
    const jwk = {
      kty: "RSA",
      n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
      e: "AQAB",
      alg: "RS256",
      kid: "2011-04-29",
    };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { jti: "j", htm: "GET", htu: call.urls[0], iat: 1562262618 };
    const ath = createHash("sha256").update(accessToken).digest("base64url");
    // The private key is unknown, so the signature is invalid, but the key in the proof is correct.
    const forged = `${part({ typ: "dpop+jwt", alg: "RS256", jwk })}.${part({ ...claims, ath })}.AAAA`;
    const verdict = (keyThumbprint: string) =>
      checkDpopProof({ ...call, proofs: [forged], keyThumbprint }, dpop, nowMs);
    expect(await verdict("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")).toBe(
      "invalid_dpop_signature",
    );
    expect(await verdict(call.keyThumbprint)).toBe("wrong_dpop_key");
  });

  it("is accepted for an API call, unlike the proof in section 4.1, which names no access token", async () => {
    const proof =
      "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    const jwk = JSON.parse(Buffer.from(proof.split(".")[0] ?? "", "base64url").toString()).jwk;
    expect(isSignatureValid(proof, "ES256", createPublicKey({ key: jwk, format: "jwk" }))).toBe(
      true,
    );
    const request = { ...call, method: "POST", urls: ["https://server.example.com/token"] };
    expect(await checkDpopProof({ ...request, proofs: [proof] }, dpop, nowMs)).toBe(
      "malformed_dpop_proof",
    );
  });

  const nowMs = 1_562_262_618_000;

  it("is valid only for the call it was made for", async () => {
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
