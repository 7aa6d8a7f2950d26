import { importJWK, type JWK, SignJWT } from "jose";
import { v7 as uuidv7 } from "uuid";
import * as z from "zod";
import type { IssuerConfig } from "../config/issuer-parameters.ts";
import { MINUTE_MS, SECOND_MS } from "../core/clock.ts";

type Introspection = NonNullable<IssuerConfig["introspection"]>;

/** Reads a secret from Secrets Manager by its ARN. */
export type SecretReader = (arn: string) => Promise<string>;

/** Cache lifetime of a secret. If the issuer rejects the secret, it is read again immediately. */
const SECRET_AGE_MS = 5 * MINUTE_MS;
const ASSERTION_LIFETIME_SECONDS = 60;

const privateKeySchema = z.looseObject({
  kty: z.string(),
  alg: z.string(),
  kid: z.string().optional(),
});

/** Headers and form fields that authenticate the client to the issuer. */
export interface ClientCredentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
}

/** RFC 6749, section 2.3.1: ID and secret are form-encoded before they are joined. */
const formEncoded = (text: string) => new URLSearchParams({ "": text }).toString().slice(1);

/** Authenticates a client to its issuer (RFC 6749, section 2.3 and RFC 7523, section 2.2). */
export class ClientAuthentication {
  #secret: Promise<string> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly issuer: string,
    private readonly client: Introspection,
    private readonly readSecret: SecretReader,
  ) {}

  /** Clears the cached secret, which may have been replaced. */
  forget(): void {
    this.#secret = undefined;
  }

  /** @throws any error from reading the secret */
  async credentials(atMs: number): Promise<ClientCredentials> {
    const { clientId, authentication } = this.client;
    const secret = await this.#read(atMs);
    switch (authentication) {
      case "client_secret_basic": {
        const pair = `${formEncoded(clientId)}:${formEncoded(secret)}`;
        const authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
        return { headers: { authorization }, form: {} };
      }
      case "client_secret_post":
        return { headers: {}, form: { client_id: clientId, client_secret: secret } };
      case "private_key_jwt":
        return {
          headers: {},
          form: {
            client_id: clientId,
            client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            client_assertion: await this.#assertion(secret, atMs),
          },
        };
    }
  }

  async #read(atMs: number): Promise<string> {
    if (this.#secret === undefined || atMs - this.#readAtMs > SECRET_AGE_MS) {
      this.#readAtMs = atMs;
      this.#secret = this.readSecret(this.client.secretArn);
      this.#secret.catch(() => this.forget());
    }
    return this.#secret;
  }

  async #assertion(secret: string, atMs: number): Promise<string> {
    const jwk = privateKeySchema.parse(JSON.parse(secret));
    const nowSeconds = Math.floor(atMs / SECOND_MS);
    return new SignJWT({})
      .setProtectedHeader({ alg: jwk.alg, ...(jwk.kid !== undefined && { kid: jwk.kid }) })
      .setIssuer(this.client.clientId)
      .setSubject(this.client.clientId)
      .setAudience(this.issuer)
      .setJti(uuidv7({ msecs: atMs }))
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + ASSERTION_LIFETIME_SECONDS)
      .sign(await importJWK(jwk as JWK, jwk.alg));
  }
}
