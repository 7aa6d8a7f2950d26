import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newKey, type SigningIssuer, startSigningIssuer } from "./signing-issuer.ts";
import { tokenScene } from "./token-scene.ts";

let issuer: SigningIssuer;
beforeAll(async () => {
  issuer = await startSigningIssuer();
});
afterAll(() => issuer.close());

const AUDIENCE = "https://api.example.com";
const SKEW_SECONDS = 5;

/** A change to a valid token, and whether the token is still valid after it. */
const claimChange = fc.record({
  iss: fc.constantFrom("own", "own", "own", "foreign", undefined),
  aud: fc.constantFrom(AUDIENCE, [AUDIENCE, "x"], [AUDIENCE], "x", [], undefined, 7),
  sub: fc.constantFrom("ada", "bob", "", "a\u0000b", undefined),
  client_id: fc.constantFrom("app", "app", "other", "", undefined, 7),
  expiresIn: fc.constantFrom(600, 1, 0, -1, 366 * 86_400 * 2, undefined),
  issuedAgo: fc.constantFrom(10, 0, -SKEW_SECONDS, -SKEW_SECONDS - 1, undefined),
  notBeforeIn: fc.constantFrom(undefined, -10, SKEW_SECONDS, SKEW_SECONDS + 1),
  jti: fc.constantFrom("j1", "j2", undefined, "", 7),
  typ: fc.constantFrom("at+jwt", "application/at+jwt", "AT+JWT", "JWT", undefined),
  key: fc.constantFrom("own", "own", "foreign", "unnamed"),
  extra: fc.constantFrom({}, {}, { at_hash: "x" }, { nonce: "n" }, { events: {} }),
});

it("JWT verification allows exactly the tokens that the model allows, with the same identity", async () => {
  const { call, nowSeconds, published } = await tokenScene({
    issuers: [{ issuer: issuer.issuer, audiences: [AUDIENCE], clientIds: ["app"] }],
  });
  const foreign = { ...(await newKey()), kid: issuer.key.kid };
  const unnamed = await newKey();
  const keys = { own: issuer.key, foreign, unnamed };
  let admitted = 0;
  await fc.assert(
    fc.asyncProperty(claimChange, async (change) => {
      const { iss, aud, sub, client_id, expiresIn, issuedAgo, notBeforeIn, jti, typ, key, extra } =
        change;
      const now = nowSeconds();
      const claims = JSON.parse(
        JSON.stringify({
          iss: iss === "own" ? issuer.issuer : iss,
          aud,
          sub,
          client_id,
          jti,
          scope: "api:read",
          exp: expiresIn === undefined ? undefined : now + expiresIn,
          iat: issuedAgo === undefined ? undefined : now - issuedAgo,
          nbf: notBeforeIn === undefined ? undefined : now + notBeforeIn,
          ...extra,
        }),
      );
      const isGood =
        iss === "own" &&
        [aud].flat().includes(AUDIENCE) &&
        sub !== "a\u0000b" &&
        client_id === "app" &&
        (expiresIn === 600 || expiresIn === 1) &&
        issuedAgo !== undefined &&
        issuedAgo >= -SKEW_SECONDS &&
        // A token is never issued after its expiry.
        issuedAgo + expiresIn > 0 &&
        (notBeforeIn === undefined || notBeforeIn <= SKEW_SECONDS) &&
        (jti === undefined || jti === "j1" || jti === "j2") &&
        (typ ?? "").toLowerCase().replace("application/", "") === "at+jwt" &&
        key === "own" &&
        Object.keys(extra).length === 0;
      published.length = 0;
      const decision = await call(await issuer.sign(claims, { typ }, keys[key]));
      expect(decision.outcome).toBe(isGood ? "allowed" : "unauthenticated");
      if (decision.outcome === "allowed") {
        admitted += 1;
        // An empty `sub` is not a user.
        expect(decision.token.user_id).toBe(sub === "" ? undefined : sub);
        expect(decision.token.oauth_client_id).toBe("app");
      } else {
        expect(published).toHaveLength(1);
        expect(published[0]?.event_data.reason).toMatch(/^[a-z_]+$/);
        // An event names a client only if the issuer signed that name.
        if (key !== "own" || iss !== "own") expect(published[0]?.oauth_client_id).toBeUndefined();
      }
    }),
    {
      numRuns: 150,
      // At least one allowed token for any seed.
      examples: [
        [
          {
            iss: "own",
            aud: AUDIENCE,
            sub: "ada",
            client_id: "app",
            expiresIn: 600,
            issuedAgo: 10,
            notBeforeIn: undefined,
            jti: "j1",
            typ: "at+jwt",
            key: "own",
            extra: {},
          },
        ],
      ],
    },
  );
  expect(admitted).toBeGreaterThan(0);
});
