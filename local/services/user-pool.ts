import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { SECOND_MS, systemClock } from "../../shared/core/clock.ts";
import type { Template } from "./template.ts";

interface ClientProperties {
  readonly UserPoolId: string;
  readonly GenerateSecret?: boolean;
  readonly AllowedOAuthFlows?: readonly string[];
  readonly AllowedOAuthScopes?: readonly string[];
}

/** An app client with the client credentials grant. */
interface Client {
  readonly id: string;
  readonly secret: string;
  readonly scopes: readonly string[];
}

/** Lifetime of access tokens, the same as Cognito's default. */
const LIFETIME_SECONDS = 3600;
const KEY_ID = "local";

/** An error response of the token endpoint (RFC 6749, section 5.2). */
class TokenRejection extends Error {
  constructor(readonly error: string) {
    super(error);
  }
}

/** Reads a form body of at most 10,000 characters. */
async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > 10_000) throw new TokenRejection("invalid_request");
  }
  return new URLSearchParams(text);
}

/**
 * Serves one of the template's Cognito user pools: its JWKS, and access tokens for app clients that use the client
 * credentials grant. An app client's secret is its ID followed by `-secret`. Users cannot sign in.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
 */
export class LocalUserPool {
  readonly #key = generateKeyPair("RS256", { extractable: true });
  readonly #clients: ReadonlyMap<string, Client>;

  /** @param issuer the pool's `ProviderURL` */
  constructor(
    template: Template,
    id: string,
    private readonly issuer: string,
  ) {
    const clients = template
      .resources<ClientProperties>("AWS::Cognito::UserPoolClient")
      .filter(
        ({ properties: { UserPoolId, GenerateSecret, AllowedOAuthFlows = [] } }) =>
          UserPoolId === id && GenerateSecret && AllowedOAuthFlows.includes("client_credentials"),
      )
      .map(({ logicalId, properties }) => ({
        id: logicalId,
        secret: `${logicalId}-secret`,
        scopes: properties.AllowedOAuthScopes ?? [],
      }));
    this.#clients = new Map(clients.map((client) => [client.id, client]));
  }

  /** Returns the logical IDs of the template's user pools. */
  static idsIn(template: Template): string[] {
    return template.resources("AWS::Cognito::UserPool").map(({ logicalId }) => logicalId);
  }

  /** Shell commands that get an access token, one per app client. */
  get tokenCommands(): string[] {
    return [...this.#clients.values()].map(
      ({ id, secret, scopes }) =>
        `curl -s -u ${id}:${secret} ${this.issuer}/oauth2/token -d grant_type=client_credentials -d 'scope=${scopes.join(" ")}'`,
    );
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    const [path] = (request.url ?? "").split("?");
    try {
      if (request.method === "GET" && path === "/.well-known/jwks.json") {
        const { publicKey } = await this.#key;
        const key = { ...(await exportJWK(publicKey)), kid: KEY_ID, alg: "RS256", use: "sig" };
        send(200, { keys: [key] });
      } else if (request.method === "POST" && path === "/oauth2/token") {
        send(200, await this.#issue(request.headers.authorization, await readForm(request)));
      } else send(404, { message: "Not Found" });
    } catch (error) {
      if (error instanceof TokenRejection) send(400, { error: error.error });
      else send(500, { error: "server_error" });
    }
  }

  async #issue(authorization: string | undefined, form: URLSearchParams): Promise<object> {
    const [, basic = ""] = /^Basic (.+)$/.exec(authorization ?? "") ?? [];
    const [id = "", secret] = Buffer.from(basic, "base64").toString().split(":");
    const client = this.#clients.get(id);
    if (!client || client.secret !== secret) throw new TokenRejection("invalid_client");
    if (form.get("grant_type") !== "client_credentials") {
      throw new TokenRejection("unsupported_grant_type");
    }
    const scopes = form.get("scope")?.split(" ") ?? client.scopes;
    if (!scopes.every((scope) => client.scopes.includes(scope))) {
      throw new TokenRejection("invalid_scope");
    }
    return {
      access_token: await this.#sign(client.id, scopes),
      expires_in: LIFETIME_SECONDS,
      token_type: "Bearer",
    };
  }

  /** https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html */
  async #sign(clientId: string, scopes: readonly string[]): Promise<string> {
    const nowSeconds = Math.floor(systemClock() / SECOND_MS);
    return new SignJWT({
      token_use: "access",
      scope: scopes.join(" "),
      auth_time: nowSeconds,
      version: 2,
      client_id: clientId,
    })
      .setProtectedHeader({ kid: KEY_ID, alg: "RS256" })
      .setSubject(clientId)
      .setIssuer(this.issuer)
      .setJti(randomUUID())
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + LIFETIME_SECONDS)
      .sign((await this.#key).privateKey);
  }
}
