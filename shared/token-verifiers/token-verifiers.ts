import type { MonitoringConfig } from "../config/monitoring-config.ts";
import type { SecretReader } from "./client-authentication.ts";
import { DpopNonces } from "./dpop-nonces.ts";
import { IntrospectionVerifier } from "./introspection-verifier.ts";
import { looksLikeJwt, readSignedJwt } from "./json-web-token.ts";
import { JwtVerifier } from "./jwt-verifier.ts";
import { provePossession } from "./prove-possession.ts";
import { rejected, type TokenVerifier, type TokenVerifiers } from "./token-verifier.ts";

/** Prefix for tokens that this product issues. */
const OWN_PREFIX = "oam_";

/** Returns all scopes that a route requires. */
function listRouteScopes({
  routes,
  defaultScopes,
}: Pick<MonitoringConfig, "routes" | "defaultScopes">) {
  return new Set([
    ...routes.flatMap(({ scopes }) => scopes),
    ...defaultScopes.read,
    ...defaultScopes.write,
  ]);
}

/** Creates verifiers for the configured issuers. Fetches the issuers' keys or metadata before it resolves. */
export async function createTokenVerifiers(
  config: Pick<MonitoringConfig, "issuers" | "dpop" | "routes" | "defaultScopes">,
  options: {
    readonly readSecret: SecretReader;
    readonly atMs: number;
    /** Whether the adapter can send nonces to callers. Otherwise, nonces aren't required. */
    readonly canGiveNonces?: boolean | undefined;
  },
): Promise<TokenVerifiers> {
  const routeScopes = listRouteScopes(config);
  const byIssuer = new Map<string, TokenVerifier>();
  const byPrefix: { readonly prefix: string; readonly verifier: TokenVerifier }[] = [];
  for (const issuer of config.issuers) {
    const { introspection } = issuer;
    const verifier = introspection
      ? new IntrospectionVerifier(issuer, routeScopes, options.readSecret)
      : new JwtVerifier(issuer, routeScopes);
    byIssuer.set(issuer.issuer, verifier);
    if (introspection) byPrefix.push({ prefix: introspection.tokenPrefix, verifier });
  }
  // The longest matching prefix wins.
  byPrefix.sort((a, b) => b.prefix.length - a.prefix.length);
  const { nonce } = config.dpop;
  const nonces =
    nonce && options.canGiveNonces ? new DpopNonces(nonce, options.readSecret) : undefined;
  const prepared = [...byIssuer.values(), ...(nonces ? [nonces] : [])];
  await Promise.all(prepared.map((each) => each.prepare(options.atMs)));
  return {
    verify(text, moment) {
      if (text.startsWith(OWN_PREFIX)) return undefined;
      if (looksLikeJwt(text)) {
        const jwt = readSignedJwt(text);
        if (typeof jwt === "string") return Promise.resolve(rejected(jwt));
        const verifier =
          typeof jwt.claims.iss === "string" ? byIssuer.get(jwt.claims.iss) : undefined;
        return (
          verifier?.verify({ text, jwt }, moment) ?? Promise.resolve(rejected("unknown_issuer"))
        );
      }
      const found = byPrefix.find(({ prefix }) => text.startsWith(prefix));
      return found?.verifier.verify({ text }, moment);
    },
    provePossession(verified, evidence, atMs) {
      return provePossession(verified, evidence, config.dpop, atMs, nonces);
    },
    async nonce(atMs) {
      return nonces?.current(atMs);
    },
  };
}
