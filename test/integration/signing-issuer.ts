import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";

/** An issuer's key and its published public half. */
interface IssuerKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

let made = 0;

export async function newKey(alg = "ES256"): Promise<IssuerKey> {
  made += 1;
  const kid = `key-${made}`;
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return {
    kid,
    alg,
    privateKey,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" },
  };
}

/**
 * Starts an HTTP issuer that signs arbitrary claims. It counts how often its keys are fetched, and can simulate an
 * outage.
 */
export async function startSigningIssuer(
  options: { readonly alg?: string; readonly path?: string } = {},
) {
  const state = {
    key: await newKey(options.alg),
    /** Additional published keys. */
    others: [] as JWK[],
    /** Status of every response, for an outage. */
    status: 200,
    fetches: 0,
    requests: [] as string[],
    /** Overrides for members of the metadata. */
    metadata: {} as Record<string, unknown>,
    /** Replaces the issuer's responses. */
    routes: new Map<
      string,
      (
        body: string,
        headers: NodeJS.Dict<string | string[]>,
      ) => { status?: number; type?: string; text: string }
    >(),
  };
  const server = createServer(async (request, response) => {
    const path = request.url ?? "";
    state.requests.push(path);
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const send = (value: unknown) => {
      response.writeHead(state.status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    const route = state.routes.get(path);
    if (route && state.status === 200) {
      const { status = 200, type = "application/json", text } = route(body, request.headers);
      response.writeHead(status, { "content-type": type });
      response.end(text);
    } else if (path === `${base}/.well-known/openid-configuration`) {
      send({
        issuer,
        jwks_uri: `${origin}/keys`,
        introspection_endpoint: `${origin}/introspect`,
        ...state.metadata,
      });
    } else if (path === "/keys" || path === `${base}/.well-known/jwks.json`) {
      state.fetches += 1;
      send({ keys: [state.key.publicJwk, ...state.others] });
    } else {
      response.writeHead(404);
      response.end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = `${origin}${options.path ?? ""}`;
  const base = (options.path ?? "").replace(/\/$/, "");
  return Object.assign(state, {
    issuer,
    origin,
    /** Signs claims unchanged, with the issuer's key or a different key. */
    async sign(
      claims: JWTPayload,
      header: Record<string, unknown> = {},
      key = state.key,
    ): Promise<string> {
      return new SignJWT(claims)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "at+jwt", ...header })
        .sign(key.privateKey);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

export type SigningIssuer = Awaited<ReturnType<typeof startSigningIssuer>>;
