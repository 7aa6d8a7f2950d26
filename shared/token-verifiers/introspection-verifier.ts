import * as z from "zod";
import type { IssuerConfig } from "../config/issuer-parameters.ts";
import { SECOND_MS } from "../core/clock.ts";
import { identityOfOpaqueToken } from "../events/token-identity.ts";
import { digestSecret } from "../tokens/access-token.ts";
import { ClientAuthentication, type SecretReader } from "./client-authentication.ts";
import { askIssuer, IssuerUnavailableError } from "./fetch-document.ts";
import { IssuerKeys } from "./issuer-keys.ts";
import { discoverIssuer } from "./issuer-metadata.ts";
import { readSignedJwt } from "./json-web-token.ts";
import { checkSignature, fetchIssuerKeys } from "./jwt-verifier.ts";
import { type ClaimReader, claimReader, readTokenClaims } from "./token-claims.ts";
import {
  type PresentedToken,
  rejected,
  type TokenVerifier,
  type Verification,
  type VerificationMoment,
} from "./token-verifier.ts";

/** In-memory cache for an issuer's responses, by token digest. It has a maximum size, and each entry has an expiry. */
export class AnswerCache<Answer> {
  readonly #answers = new Map<string, { readonly answer: Answer; readonly untilMs: number }>();

  constructor(private readonly maxEntries: number) {}

  find(key: string, atMs: number): Answer | undefined {
    const cached = this.#answers.get(key);
    return cached && atMs < cached.untilMs ? cached.answer : undefined;
  }

  /** Caches a response. Evicts the oldest response if the cache is full. */
  keep(key: string, answer: Answer, untilMs: number): void {
    this.#answers.delete(key);
    this.#answers.set(key, { answer, untilMs });
    if (this.#answers.size <= this.maxEntries) return;
    const [oldest] = this.#answers.keys();
    this.#answers.delete(oldest as string);
  }
}

/** Introspection response (RFC 7662, section 2.2). Other members are claims. */
const answerSchema = z.looseObject({ active: z.boolean() });

/** Signed introspection response (RFC 9701, section 5). */
const signedAnswerSchema = z.looseObject({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  iat: z.number(),
  token_introspection: answerSchema,
});

type Answer = z.output<typeof answerSchema>;

const PLAIN = "application/json";
const SIGNED = "application/token-introspection+jwt";

/**
 * Maximum number of cached responses for active tokens, and the same number for inactive tokens. Together they take
 * about 10 MB.
 */
const MAX_ANSWERS = 10_000;

const INACTIVE: Answer = { active: false };

/** OAuth error response (RFC 6749, section 5.2). */
const errorSchema = z.looseObject({ error: z.string() });
/** Maximum age of a signed response. */
const ANSWER_AGE_MS = 60 * SECOND_MS;

/** Issuers also introspect refresh tokens. Only tokens for an API have one of these types (RFC 6749, section 7.1). */
function isAccessToken({ token_type, typ }: Readonly<Record<string, unknown>>): boolean {
  return [token_type, typ].some(
    (type) => typeof type === "string" && /^(bearer|dpop|at\+jwt|n_a)$/i.test(type),
  );
}

function introspectionReader(issuer: IssuerConfig, wantedScopes: ReadonlySet<string>): ClaimReader {
  const { provider, ...reader } = claimReader(issuer, wantedScopes);
  return {
    ...reader,
    provider: {
      ...provider,
      client: ["client_id", ...provider.client],
      scopes: [...new Set(["scope", ...provider.scopes])],
      tokenId: "jti",
      isAccessToken,
    },
  };
}

/** Parses the code from an OAuth error response. Returns undefined for any other text. */
function errorCode(text: string): string | undefined {
  try {
    return errorSchema.safeParse(JSON.parse(text)).data?.error;
  } catch {
    return undefined;
  }
}

/** Errors that concern the introspecting client rather than the token. */
const CLIENT_ERRORS: ReadonlySet<string | undefined> = new Set([
  "invalid_client",
  "unauthorized_client",
]);

/**
 * Verifies tokens by introspection (RFC 7662). Caches responses by token digest, for a configurable time. If the issuer
 * doesn't respond, calls are denied.
 */
export class IntrospectionVerifier implements TokenVerifier {
  readonly #options: NonNullable<IssuerConfig["introspection"]>;
  readonly #reader: ClaimReader;
  readonly #client: ClientAuthentication;
  readonly #keys: IssuerKeys;
  readonly #active: AnswerCache<Answer>;
  /** Separate, so that invented tokens can't evict responses for real ones. */
  readonly #inactive: AnswerCache<Answer>;
  /** Pending requests, so that concurrent calls with one token share the response. */
  readonly #asking = new Map<string, Promise<Answer>>();
  #endpoint: Promise<string> | undefined;

  /**
   * @param maxAnswers maximum cached responses for active tokens, and for inactive tokens
   * @throws TypeError if the issuer has no introspection settings
   */
  constructor(
    private readonly issuer: IssuerConfig,
    wantedScopes: ReadonlySet<string>,
    readSecret: SecretReader,
    maxAnswers = MAX_ANSWERS,
  ) {
    this.#active = new AnswerCache(maxAnswers);
    this.#inactive = new AnswerCache(maxAnswers);
    if (!issuer.introspection)
      throw new TypeError(`${issuer.issuer} has no introspection settings`);
    this.#options = issuer.introspection;
    this.#reader = introspectionReader(issuer, wantedScopes);
    this.#client = new ClientAuthentication(issuer.issuer, this.#options, readSecret);
    this.#keys = new IssuerKeys(() => fetchIssuerKeys(issuer), issuer);
  }

  async prepare(atMs: number): Promise<void> {
    await Promise.allSettled([
      this.#findEndpoint(),
      this.#client.credentials(atMs),
      ...(this.#options.signedAnswers ? [this.#keys.refresh(atMs)] : []),
    ]);
  }

  async verify({ text }: PresentedToken, moment: VerificationMoment): Promise<Verification> {
    const { atMs } = moment;
    const digest = digestSecret(text);
    let answer = this.#active.find(digest, atMs) ?? this.#inactive.find(digest, atMs);
    if (!answer) {
      try {
        answer = await this.#askOnce(text, digest, moment);
      } catch (error) {
        return { status: "unavailable", cause: String(error) };
      }
      const cache = answer.active ? this.#active : this.#inactive;
      cache.keep(digest, answer, atMs + this.#options.cacheSeconds * SECOND_MS);
    }
    const { active, ...claims } = answer;
    if (!active) return rejected("inactive_token");
    return readTokenClaims(
      this.#reader,
      { iss: this.issuer.issuer, ...claims },
      atMs,
      identityOfOpaqueToken(this.issuer.issuer, text),
    );
  }

  #askOnce(text: string, digest: string, moment: VerificationMoment): Promise<Answer> {
    const asking =
      this.#asking.get(digest) ??
      this.#ask(text, moment).finally(() => {
        this.#asking.delete(digest);
      });
    this.#asking.set(digest, asking);
    return asking;
  }

  #findEndpoint(): Promise<string> {
    this.#endpoint ??= (async () => {
      const { endpoint } = this.#options;
      if (endpoint !== undefined) return endpoint;
      const { introspection_endpoint: found } = await discoverIssuer(this.issuer.issuer);
      if (found !== undefined) return found;
      throw new IssuerUnavailableError(
        `the metadata of ${this.issuer.issuer} has no introspection_endpoint. Set introspection.endpoint`,
      );
    })().catch((error: unknown) => {
      this.#endpoint = undefined;
      throw error;
    });
    return this.#endpoint;
  }

  async #ask(token: string, moment: VerificationMoment, isRetry = false): Promise<Answer> {
    const { headers, form } = await this.#client.credentials(moment.atMs);
    const endpoint = await this.#findEndpoint();
    const { signedAnswers } = this.#options;
    const { status, type, text } = await askIssuer(endpoint, {
      method: "POST",
      headers: { ...headers, accept: signedAnswers ? SIGNED : PLAIN },
      body: new URLSearchParams({ ...form, token, token_type_hint: "access_token" }),
    });
    const error = status === 400 ? errorCode(text) : undefined;
    if ((status === 401 || error === "invalid_client") && !isRetry) {
      // The secret may have been replaced since it was read.
      this.#client.forget();
      return this.#ask(token, moment, true);
    }
    // Only the token differs between requests, so the issuer must have rejected the token. RFC 7662, section
    // 2.2 requires an inactive response, but not every issuer sends one for a token of unknown format.
    if (status === 400 && !CLIENT_ERRORS.has(error)) return INACTIVE;
    if (status !== 200) {
      throw new IssuerUnavailableError(`${endpoint} returned status ${status}`);
    }
    if (type !== (signedAnswers ? SIGNED : PLAIN)) {
      throw new IssuerUnavailableError(`${endpoint} returned ${type || "no media type"}`);
    }
    return signedAnswers ? this.#readSigned(text, moment) : readPlain(endpoint, text);
  }

  /** Verifies and reads a signed response (RFC 9701). */
  async #readSigned(text: string, moment: VerificationMoment): Promise<Answer> {
    const fail = (why: string) => new IssuerUnavailableError(`the signed response ${why}`);
    const jwt = readSignedJwt(text.trim());
    if (typeof jwt === "string") throw fail(`is not a signed JWT (${jwt})`);
    if (jwt.type !== "token-introspection+jwt") throw fail("has the wrong typ");
    const algorithms = this.issuer.algorithms ?? this.#reader.provider.algorithms;
    const check = await checkSignature(jwt, this.#keys, algorithms, moment);
    if (check.status !== "valid") {
      throw fail(check.status === "rejected" ? `is invalid: ${check.reason}` : check.cause);
    }
    const signed = signedAnswerSchema.safeParse(jwt.claims).data;
    if (!signed || signed.iss !== this.issuer.issuer) throw fail("is not from the issuer");
    const recipients = [this.#options.clientId, ...this.issuer.audiences];
    if (![signed.aud].flat().some((each) => recipients.includes(each))) {
      throw fail("is for another recipient");
    }
    const ageMs = moment.atMs - signed.iat * SECOND_MS;
    if (Math.abs(ageMs) > ANSWER_AGE_MS) throw fail("is too old or in the future");
    return signed.token_introspection;
  }
}

/** @throws IssuerUnavailableError if the text isn't an introspection response */
function readPlain(endpoint: string, text: string): Answer {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    // Don't quote the text, which may contain the token.
    throw new IssuerUnavailableError(`${endpoint} did not return an introspection response`);
  }
}
