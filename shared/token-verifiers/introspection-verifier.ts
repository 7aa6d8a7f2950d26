import * as z from "zod";
import type { IssuerConfig } from "../config/issuer-parameters.ts";
import { SECOND_MS } from "../core/clock.ts";
import { identityOfOpaqueToken } from "../events/token-identity.ts";
import { digestSecret } from "../tokens/token-secret.ts";
import { ClientAuthentication, type SecretReader } from "./client-authentication.ts";
import { askIssuer, IssuerUnavailableError } from "./fetch-document.ts";
import { IssuerKeys } from "./issuer-keys.ts";
import { discoverIssuer } from "./issuer-metadata.ts";
import { readSignedJwt } from "./json-web-token.ts";
import { checkSignature, fetchIssuerKeys } from "./jwt-verifier.ts";
import { KeptAnswers } from "./kept-answers.ts";
import { type ClaimReader, claimReader, readTokenClaims } from "./token-claims.ts";
import {
  type PresentedToken,
  refused,
  type TokenVerifier,
  type Verification,
  type VerificationMoment,
} from "./token-verifier.ts";

/** RFC 7662, section 2.2. The other members are claims. */
const answerSchema = z.looseObject({ active: z.boolean() });

/** RFC 9701, section 5: whom the signed answer is for, and when it was given. */
const signedAnswerSchema = z.looseObject({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  iat: z.number(),
  token_introspection: answerSchema,
});

type Answer = z.output<typeof answerSchema>;

const PLAIN = "application/json";
const SIGNED = "application/token-introspection+jwt";

/** Answers about active tokens in memory, and answers about others: about 10 MB. */
const MOST_ANSWERS = 10_000;

const INACTIVE: Answer = { active: false };

/** An OAuth error (RFC 6749, section 5.2). */
const errorSchema = z.looseObject({ error: z.string() });
/** A signed answer is for this moment. */
const ANSWER_AGE_MS = 60 * SECOND_MS;

/** Issuers also know refresh tokens. Only what may be sent to an API has such a type (RFC 6749, section 7.1). */
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

/** The code of an OAuth error; undefined for any other text. */
function errorCode(text: string): string | undefined {
  try {
    return errorSchema.safeParse(JSON.parse(text)).data?.error;
  } catch {
    return undefined;
  }
}

/** Errors about the client that asks, and not about the token. */
const CLIENT_ERRORS: ReadonlySet<string | undefined> = new Set([
  "invalid_client",
  "unauthorized_client",
]);

/**
 * Verifies tokens by asking their issuer (RFC 7662). Answers are kept for a configured time, by the digest of the
 * token. When the issuer does not answer, nobody is let in.
 */
export class IntrospectionVerifier implements TokenVerifier {
  readonly #options: NonNullable<IssuerConfig["introspection"]>;
  readonly #reader: ClaimReader;
  readonly #client: ClientAuthentication;
  readonly #keys: IssuerKeys;
  readonly #active: KeptAnswers<Answer>;
  /** Kept apart, so that invented tokens can't evict the answers about real ones. */
  readonly #inactive: KeptAnswers<Answer>;
  /** Questions under way, so that calls with one token share the answer. */
  readonly #asking = new Map<string, Promise<Answer>>();
  #endpoint: Promise<string> | undefined;

  /**
   * @param mostAnswers how many answers of each kind are kept in memory
   * @throws TypeError when the issuer's configuration says nothing of introspection
   */
  constructor(
    private readonly issuer: IssuerConfig,
    wantedScopes: ReadonlySet<string>,
    readSecret: SecretReader,
    mostAnswers = MOST_ANSWERS,
  ) {
    this.#active = new KeptAnswers(mostAnswers);
    this.#inactive = new KeptAnswers(mostAnswers);
    if (!issuer.introspection) throw new TypeError(`${issuer.issuer} has no introspection`);
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
      const kept = answer.active ? this.#active : this.#inactive;
      kept.keep(digest, answer, atMs + this.#options.cacheSeconds * SECOND_MS);
    }
    const { active, ...claims } = answer;
    if (!active) return refused("inactive_token");
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
        `the metadata of ${this.issuer.issuer} names no introspection_endpoint: set introspection.endpoint`,
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
    // The request differs from others only in the token, so the token is what the issuer rejects. RFC 7662, section 2.2
    // asks for an inactive answer instead, but not every issuer sends one for what can't be its token.
    if (status === 400 && !CLIENT_ERRORS.has(error)) return INACTIVE;
    if (status !== 200) {
      throw new IssuerUnavailableError(`${endpoint} answers with status ${status}`);
    }
    if (type !== (signedAnswers ? SIGNED : PLAIN)) {
      throw new IssuerUnavailableError(`${endpoint} answers with ${type || "no media type"}`);
    }
    return signedAnswers ? this.#readSigned(text, moment) : readPlain(endpoint, text);
  }

  /** An answer that the issuer signed (RFC 9701). */
  async #readSigned(text: string, moment: VerificationMoment): Promise<Answer> {
    const fail = (why: string) => new IssuerUnavailableError(`the signed answer ${why}`);
    const jwt = readSignedJwt(text.trim());
    if (typeof jwt === "string") throw fail(`is no signed JWT (${jwt})`);
    if (jwt.type !== "token-introspection+jwt") throw fail("has another typ");
    const algorithms = this.issuer.algorithms ?? this.#reader.provider.algorithms;
    const check = await checkSignature(jwt, this.#keys, algorithms, moment);
    if (check.status !== "valid") {
      throw fail(check.status === "refused" ? `is refused: ${check.reason}` : check.cause);
    }
    const signed = signedAnswerSchema.safeParse(jwt.claims).data;
    if (!signed || signed.iss !== this.issuer.issuer) throw fail("is not of the issuer");
    const recipients = [this.#options.clientId, ...this.issuer.audiences];
    if (![signed.aud].flat().some((each) => recipients.includes(each))) {
      throw fail("is for another recipient");
    }
    const ageMs = moment.atMs - signed.iat * SECOND_MS;
    if (Math.abs(ageMs) > ANSWER_AGE_MS) throw fail("is old");
    return signed.token_introspection;
  }
}

/** @throws IssuerUnavailableError for what is no answer */
function readPlain(endpoint: string, text: string): Answer {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    // The text may repeat the token.
    throw new IssuerUnavailableError(`${endpoint} answers with what is no introspection`);
  }
}
