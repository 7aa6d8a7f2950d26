import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { exportJWK, generateKeyPair } from "jose";
import Provider, { type AdapterPayload, type KoaContextWithOIDC } from "oidc-provider";
import type { MonitoringConfigInput } from "../../shared/config/monitoring-config.ts";
import { findPort } from "../services/find-port.ts";
import { TEMPLATE_ISSUER } from "./local-stack.ts";

/** Resource indicator of the API at the issuer (RFC 8707). */
const LOCAL_API = "urn:oauth-monitoring:local-api";

const LOCAL_CLIENT = {
  id: "local-jwt-caller",
  secret: "local-jwt-caller-secret",
  scope: "api:read api:write",
} as const;

const THIRTY_DAYS_SECONDS = 30 * 86_400;

/** Configuration that makes the stack accept the local issuer's tokens. */
export const LOCAL_ISSUERS: MonitoringConfigInput["issuers"] = [
  { issuer: TEMPLATE_ISSUER, audiences: [LOCAL_API], unknownKeyCooldownSeconds: 1 },
];

/** A running issuer. */
export interface LocalIssuer {
  readonly url: string;
  /** Shell command that requests a new token. */
  readonly tokenCommand: string;
  /** Requests a JWT for `local-jwt-caller` from the token endpoint. */
  issueToken(): Promise<string>;
  close(): Promise<void>;
}

/** Keeps the issuer's state in memory. */
class MemoryAdapter {
  readonly #items = new Map<string, AdapterPayload>();

  async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    this.#items.set(id, payload);
  }
  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.#items.get(id);
  }
  async findByUserCode(): Promise<undefined> {}
  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return [...this.#items.values()].find((payload) => payload.uid === uid);
  }
  async consume(id: string): Promise<undefined> {
    const found = this.#items.get(id);
    if (found) found.consumed = true;
  }
  async destroy(id: string): Promise<undefined> {
    this.#items.delete(id);
  }
  async revokeByGrantId(): Promise<undefined> {}
}

/**
 * Removes the scopes from client registrations. oidc-provider rejects unknown scopes, but this issuer lets clients
 * request scopes for any resource.
 */
async function dropRegisteredScopes(ctx: KoaContextWithOIDC, next: () => Promise<void>) {
  if (ctx.method === "POST" && ctx.path === "/reg") {
    const { scope: _, ...metadata } = JSON.parse(await text(ctx.req)) as Record<string, unknown>;
    Object.assign(ctx.req, { body: metadata });
  }
  await next();
}

/**
 * @param signIn whether clients can register themselves (RFC 7591) and users can sign in, on a page that accepts any
 * name
 */
async function newProvider(url: string, signIn: boolean): Promise<Provider> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  /** All scopes requested so far. */
  const scopes = new Set<string>();
  const provider = new Provider(url, {
    adapter: MemoryAdapter,
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: "ES256", use: "sig" } as never] },
    cookies: { keys: ["local"] },
    clients: [
      {
        client_id: LOCAL_CLIENT.id,
        client_secret: LOCAL_CLIENT.secret,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: "ES256",
      },
    ],
    ttl: { ClientCredentials: THIRTY_DAYS_SECONDS },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: signIn },
      registration: { enabled: signIn },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: ({ oidc }, resource) => {
          for (const scope of String(oidc.params?.scope ?? "").split(" ")) scopes.add(scope);
          return {
            scope: resource === LOCAL_API ? LOCAL_CLIENT.scope : [...scopes].join(" ").trim(),
            audience: resource,
            accessTokenTTL: THIRTY_DAYS_SECONDS,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: "ES256" } },
          };
        },
      },
    },
    // Local clients receive the redirect at a loopback address (RFC 8252, section 7.3).
    clientDefaults: { application_type: "native", id_token_signed_response_alg: "ES256" },
  });
  if (signIn) provider.use(dropRegisteredScopes);
  return provider;
}

/** Options of the local issuer. */
interface LocalIssuerOptions {
  /**
   * Whether clients can register themselves and users can sign in, for any resource.
   *
   * @default false
   */
  readonly signIn?: boolean;
}

/** Runs an authorization server on this machine. The local stack accepts its JWTs. */
export async function startLocalIssuer(
  port: number,
  { signIn = false }: LocalIssuerOptions = {},
): Promise<LocalIssuer> {
  const server = createServer();
  const free = await findPort(port, "ISSUER_PORT");
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(free, "127.0.0.1", resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = await newProvider(url, signIn);
  server.on("request", provider.callback());
  const form = {
    grant_type: "client_credentials",
    resource: LOCAL_API,
    scope: LOCAL_CLIENT.scope,
  };
  return {
    url,
    tokenCommand: `curl -s -u ${LOCAL_CLIENT.id}:${LOCAL_CLIENT.secret} ${url}/token ${Object.entries(
      form,
    )
      .map(([name, value]) => `-d '${name}=${value}'`)
      .join(" ")}`,
    async issueToken() {
      const basic = Buffer.from(`${LOCAL_CLIENT.id}:${LOCAL_CLIENT.secret}`).toString("base64");
      const answer = await fetch(`${url}/token`, {
        method: "POST",
        headers: { authorization: `Basic ${basic}` },
        body: new URLSearchParams(form),
      });
      const { access_token } = (await answer.json()) as { access_token?: string };
      if (!access_token) throw new Error(`the local issuer returned status ${answer.status}`);
      return access_token;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
