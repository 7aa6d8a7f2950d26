import * as z from "zod";
import { identifierSchema } from "../events/identifiers.ts";

/** Hosts of this machine, the only ones that may be called without TLS. */
const LOCAL_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

function isIssuerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  const safe = protocol === "https:" || (protocol === "http:" && LOCAL_HOSTS.has(hostname));
  return safe && [username, password, search, hash].every((part) => part === "");
}

/** An address of a party that is trusted. */
export const httpsUrl = z
  .string()
  .max(512)
  .refine(
    isIssuerUrl,
    "an https URL without query and fragment, such as https://login.example.com/; http is for this machine only",
  );

/** What the header of a token may name. Shared secrets and `none` are no choice. */
export const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
] as const;

const algorithms = z
  .array(z.enum(ALGORITHMS as unknown as readonly [string, ...string[]]))
  .min(1)
  .max(ALGORITHMS.length);

/** The ARN of a secret. */
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

/** How an issuer is asked about a token (RFC 7662). */
const introspectionSchema = z.strictObject({
  /** The endpoint (RFC 7662). The issuer's metadata names it by default. */
  endpoint: httpsUrl.optional(),
  /** The client that asks. */
  clientId: identifierSchema,
  /** How that client authenticates. */
  authentication: z
    .enum(["client_secret_basic", "client_secret_post", "private_key_jwt"])
    .default("client_secret_basic"),
  /** ARN of the secret in Secrets Manager: the client secret, or the private key as a JWK with its `alg`. */
  secretArn,
  /** Seconds that an answer is kept. A token that its issuer revokes is let in until then. */
  cacheSeconds: z.int().min(0).max(3600).default(60),
  /** Asks for answers that the issuer signs (RFC 9701), and takes no others. */
  signedAnswers: z.boolean().default(false),
  /** Opaque tokens that begin so are this issuer's. An empty prefix takes all that are not `oam_…`. */
  tokenPrefix: z
    .string()
    .max(64)
    .regex(/^[A-Za-z0-9._~+/-]*$/, "characters of a token")
    .default(""),
});

const issuerSchema = z
  .strictObject({
    /** The issuer, exactly as `iss` in its tokens: Auth0's ends with a slash, Cognito's does not. */
    issuer: httpsUrl,
    /** `jwt` checks the signature here, `introspection` asks the issuer about each token. */
    verification: z.enum(["jwt", "introspection"]).default("jwt"),
    /** Whose tokens they are: it decides which claims name the client, the user, the session and the scopes. */
    provider: z
      .enum(["rfc9068", "cognito", "auth0", "okta", "entra", "keycloak", "ping"])
      .default("rfc9068"),
    /** The `aud` of your API: a token needs one of them. Required for JWTs, but not Cognito's, which have none. */
    audiences: z.array(z.string().min(1).max(512)).max(20).default([]),
    /** The only clients whose tokens are let in. Required for Cognito. All by default. */
    clientIds: z.array(identifierSchema).max(50).optional(),
    /** Where the keys are (RFC 7517). The issuer's metadata says it by default. */
    jwksUri: httpsUrl.optional(),
    /** Algorithms that a signature may have. RS256, PS256, ES256 and EdDSA by default; Cognito and Entra only RS256. */
    algorithms: algorithms.optional(),
    /** What `typ` in the header may be, in lower case, such as `at+jwt`; `none` if it is absent. The provider's by default. */
    types: z
      .array(
        z
          .string()
          .regex(/^[a-z0-9+._-]{1,64}$/, "a media type in lower case, without application/"),
      )
      .min(1)
      .max(5)
      .optional(),
    /** Claims that hold scopes: `scope`, `scp`, `permissions`, `roles`, `/realm_access/roles`. The provider's by default. */
    scopeClaims: z.array(claim).max(10).optional(),
    /** The claim that names the client. The provider's by default. */
    clientClaim: claim.optional(),
    /** The claim that names the user. The provider's by default. */
    userClaim: claim.optional(),
    /** The claim that names the session. The provider's by default. */
    sessionClaim: claim.optional(),
    /** Put before the ids of this issuer's clients, users and sessions. Required with several issuers. */
    idPrefix: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,32}[:/|]$/, "letters and digits, then one of : / |")
      .optional(),
    /** Whether tokens of this issuer may hold `oauth:admin` and `oauth:respond`. */
    mayAdminister: z.boolean().default(false),
    /** `required` refuses tokens that are bound neither to a DPoP key nor to a client certificate. */
    senderConstrained: z.enum(["optional", "required"]).default("optional"),
    /** Seconds that the issuer's clock may be ahead, for `iat` and `nbf`. `exp` has no grace. */
    clockSkewSeconds: z.int().min(0).max(300).default(5),
    /** Seconds after which the keys are fetched again, while calls go on. */
    keysRefreshSeconds: z.int().min(1).max(86_400).default(300),
    /** Seconds that keys are valid while the issuer cannot be reached; then calls get 503. */
    keysMaxAgeSeconds: z.int().min(1).max(604_800).default(7200),
    /** Seconds between two fetches of keys because of unknown key ids. */
    unknownKeyCooldownSeconds: z.int().min(1).max(3600).default(30),
    /** How to ask the issuer. Required with `verification: "introspection"`. */
    introspection: introspectionSchema.optional(),
  })
  .superRefine((issuer, context) => {
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    const isJwt = issuer.verification === "jwt";
    if (isJwt && issuer.provider === "cognito" && !issuer.clientIds?.length) {
      refuse("clientIds", "Cognito's access tokens have no aud: name the app clients of your API");
    }
    if (isJwt && issuer.provider !== "cognito" && issuer.audiences.length === 0) {
      refuse(
        "audiences",
        "name the aud of your API: without it, tokens for any other API are let in",
      );
    }
    if (isJwt !== (issuer.introspection === undefined)) {
      refuse("introspection", 'it goes together with verification "introspection"');
    }
    if (issuer.keysMaxAgeSeconds < issuer.keysRefreshSeconds) {
      refuse("keysMaxAgeSeconds", "raise it to at least keysRefreshSeconds");
    }
  });

/** Issuers whose access tokens are let in. Tokens that the product issues itself always are. */
export const issuersSchema = z
  .array(issuerSchema)
  .max(20)
  .superRefine((issuers, context) => {
    const refuse = (index: number, key: string, message: string) =>
      context.addIssue({ code: "custom", path: [index, key], message });
    for (const [index, { issuer, idPrefix = "", introspection }] of issuers.entries()) {
      const others = issuers.slice(0, index);
      if (others.some((other) => other.issuer === issuer)) refuse(index, "issuer", "named twice");
      // Otherwise one issuer could name the other's users.
      const overlaps = others.some(({ idPrefix: other = "" }) => {
        return idPrefix.startsWith(other) || other.startsWith(idPrefix);
      });
      if (overlaps) {
        refuse(index, "idPrefix", "with several issuers, each needs a prefix of its own");
      }
      const sameTokens = others.some(
        (other) => introspection && other.introspection?.tokenPrefix === introspection.tokenPrefix,
      );
      if (sameTokens) {
        refuse(index, "introspection", "two issuers have one tokenPrefix: give each its own");
      }
    }
  })
  .default([]);

/** One issuer, with every default filled in. */
export type IssuerConfig = z.output<typeof issuerSchema>;

/** Proofs of possession by DPoP (RFC 9449). */
export const dpopSchema = z
  .strictObject({
    /** Seconds that a proof is valid, and that its id is remembered. */
    proofMaxAgeSeconds: z.int().min(5).max(600).default(60),
    /** Algorithms that a proof may have. */
    algorithms: algorithms.default(["ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256"]),
    /** URLs under which callers know the API, if a proxy in front of API Gateway changes the host or path. */
    publicBaseUrls: z.array(httpsUrl).max(10).default([]),
    /** Asks for a nonce of the server in each proof (RFC 9449, section 9), at adapters that answer refused calls themselves. */
    nonce: z
      .strictObject({
        /** ARN of a secret in Secrets Manager: at least 32 random characters, from which nonces are made. */
        secretArn,
        /** Seconds after which there is a new nonce. The one before it is taken as long again. */
        lifetimeSeconds: z.int().min(10).max(3600).default(300),
      })
      .optional(),
  })
  .prefault({});
