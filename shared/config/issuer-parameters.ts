import * as z from "zod";
import { identifierSchema } from "../events/identifiers.ts";

/** Hosts that may be called without TLS. */
const LOCAL_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

function isIssuerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  const safe = protocol === "https:" || (protocol === "http:" && LOCAL_HOSTS.has(hostname));
  return safe && [username, password, search, hash].every((part) => part === "");
}

/** URL of a trusted party. */
export const httpsUrl = z
  .string()
  .max(512)
  .refine(
    isIssuerUrl,
    "an https URL without query and fragment, such as https://login.example.com/ (http is allowed for localhost only)",
  );

/** Accepted values of `alg`. Symmetric algorithms and `none` are excluded. */
export const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

const algorithms = z
  .array(z.enum(ALGORITHMS as unknown as readonly [string, ...string[]]))
  .min(1)
  .max(ALGORITHMS.length);

/** ARN of a secret in Secrets Manager. */
export const secretArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}$/,
    "the ARN of a secret in Secrets Manager",
  );

const claim = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[\x20-\x7e]+$/, "the name of a claim, or a JSON pointer such as /realm_access/roles");

/** How to introspect an issuer's tokens (RFC 7662). */
const introspectionSchema = z.strictObject({
  /** Introspection endpoint. Defaults to the issuer's metadata. */
  endpoint: httpsUrl.optional(),
  /** Client id for introspection. */
  clientId: identifierSchema,
  /** Client authentication method. */
  authentication: z
    .enum(["client_secret_basic", "client_secret_post", "private_key_jwt"])
    .default("client_secret_basic"),
  /** Secret ARN: the client secret, or a private JWK with `alg`. */
  secretArn,
  /** Seconds to cache responses. Revoked tokens work until then. */
  cacheSeconds: z.int().min(0).max(3600).default(60),
  /** Accepts only signed responses (RFC 9701). */
  signedAnswers: z.boolean().default(false),
  /** Prefix of this issuer's opaque tokens. Empty matches all except `oam_…`. */
  tokenPrefix: z
    .string()
    .max(64)
    .regex(/^[A-Za-z0-9._~+/-]*$/, "letters, digits, ., _, ~, +, / and -")
    .default(""),
});

const issuerSchema = z
  .strictObject({
    /** Issuer, exactly as in `iss`, including any trailing slash. */
    issuer: httpsUrl,
    /** `jwt` verifies signatures locally; `introspection` asks the issuer. */
    verification: z.enum(["jwt", "introspection"]).default("jwt"),
    /** Claim conventions for client, user, session and scopes. */
    provider: z
      .enum(["rfc9068", "cognito", "auth0", "okta", "entra", "keycloak", "ping"])
      .default("rfc9068"),
    /** Accepted `aud` values. Required for JWTs, except Cognito's. */
    audiences: z.array(z.string().min(1).max(512)).max(20).default([]),
    /** Allowed clients. Defaults to all. Required for Cognito. */
    clientIds: z.array(identifierSchema).max(50).optional(),
    /** JWKS URL. Defaults to the issuer's metadata. */
    jwksUri: httpsUrl.optional(),
    /** Signature algorithms. Defaults to RS256, PS256, ES256, EdDSA; Cognito and Entra: RS256. */
    algorithms: algorithms.optional(),
    /** Accepted lower-case `typ` values, such as `at+jwt`; `none` means absent. Defaults by provider. */
    types: z
      .array(
        z
          .string()
          .regex(/^[a-z0-9+._-]{1,64}$/, "a media type in lower case, without application/"),
      )
      .min(1)
      .max(5)
      .optional(),
    /** Claims with scopes, such as `scp` or `/realm_access/roles`. Defaults by provider. */
    scopeClaims: z.array(claim).max(10).optional(),
    /** Claim with the client. Defaults by provider. */
    clientClaim: claim.optional(),
    /** Claim with the user. Defaults by provider. */
    userClaim: claim.optional(),
    /** Claim with the session. Defaults by provider. */
    sessionClaim: claim.optional(),
    /** Prefix for ids from this issuer. Required with several issuers. */
    idPrefix: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,32}[:/|]$/, "letters and digits, then one of : / |")
      .optional(),
    /** Accepts `oauth:admin` and `oauth:respond` in its tokens. */
    mayAdminister: z.boolean().default(false),
    /** `required` denies tokens without a DPoP or certificate binding. */
    senderConstrained: z.enum(["optional", "required"]).default("optional"),
    /** Tolerance for `iat` and `nbf`. `exp` has none. */
    clockSkewSeconds: z.int().min(0).max(300).default(5),
    /** Seconds between background key refreshes. */
    keysRefreshSeconds: z.int().min(1).max(86_400).default(300),
    /** Seconds that cached keys stay valid if the issuer is unreachable. */
    keysMaxAgeSeconds: z.int().min(1).max(604_800).default(7200),
    /** Seconds between fetches for unknown key ids. */
    unknownKeyCooldownSeconds: z.int().min(1).max(3600).default(30),
    /** Introspection settings. Required with `verification: "introspection"`. */
    introspection: introspectionSchema.optional(),
  })
  .superRefine((issuer, context) => {
    const reject = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    const isJwt = issuer.verification === "jwt";
    if (isJwt && issuer.provider === "cognito" && !issuer.clientIds?.length) {
      reject("clientIds", "Cognito's access tokens have no aud. List the app clients of your API");
    }
    if (isJwt && issuer.provider !== "cognito" && issuer.audiences.length === 0) {
      reject(
        "audiences",
        "audiences is missing, so tokens for other APIs would be accepted. Set it to the aud values of your API",
      );
    }
    if (isJwt !== (issuer.introspection === undefined)) {
      reject(
        "introspection",
        'introspection and verification do not match. Set both introspection and verification: "introspection", or neither',
      );
    }
    if (issuer.keysMaxAgeSeconds < issuer.keysRefreshSeconds) {
      reject(
        "keysMaxAgeSeconds",
        "it is less than keysRefreshSeconds. Raise it to at least keysRefreshSeconds",
      );
    }
  });

/** Issuers of accepted access tokens, in addition to tokens that the stack issues. */
export const issuersSchema = z
  .array(issuerSchema)
  .max(20)
  .superRefine((issuers, context) => {
    const reject = (index: number, key: string, message: string) =>
      context.addIssue({ code: "custom", path: [index, key], message });
    for (const [index, { issuer, idPrefix = "", introspection }] of issuers.entries()) {
      const others = issuers.slice(0, index);
      if (others.some((other) => other.issuer === issuer))
        reject(index, "issuer", "the issuer is listed twice. Remove one");
      // Without distinct prefixes, one issuer could impersonate the other's users.
      const overlaps = others.some(({ idPrefix: other = "" }) => {
        return idPrefix.startsWith(other) || other.startsWith(idPrefix);
      });
      if (overlaps) {
        reject(
          index,
          "idPrefix",
          "several issuers need distinct prefixes. Set an idPrefix for each",
        );
      }
      const sameTokens = others.some(
        (other) => introspection && other.introspection?.tokenPrefix === introspection.tokenPrefix,
      );
      if (sameTokens) {
        reject(
          index,
          "introspection",
          "two issuers have the same tokenPrefix. Set a different one for each",
        );
      }
    }
  })
  .default([]);

/** One issuer, with every default filled in. */
export type IssuerConfig = z.output<typeof issuerSchema>;

/** DPoP proofs of possession (RFC 9449). */
export const dpopSchema = z
  .strictObject({
    /** Maximum age of a proof. */
    proofMaxAgeSeconds: z.int().min(5).max(600).default(60),
    /** Accepted proof algorithms. */
    algorithms: algorithms.default(["ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256"]),
    /** Public API URLs. Needed if a proxy changes the host or the path. */
    publicBaseUrls: z.array(httpsUrl).max(10).default([]),
    /** Requires server nonces (RFC 9449, section 9), where the integration can send them. */
    nonce: z
      .strictObject({
        /** Secret ARN: at least 32 random characters. */
        secretArn,
        /** Seconds between new nonces. The previous one stays valid equally long. */
        lifetimeSeconds: z.int().min(10).max(3600).default(300),
      })
      .optional(),
  })
  .prefault({});
