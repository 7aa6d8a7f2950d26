import * as z from "zod";
import { fetchDocument, IssuerUnavailableError } from "./fetch-document.ts";

const metadataSchema = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string().max(2048).optional(),
  introspection_endpoint: z.string().max(2048).optional(),
});

/** The members of an issuer's metadata that this code uses. */
export type IssuerMetadata = z.output<typeof metadataSchema>;

/** Returns the possible URLs of an issuer's metadata: OpenID Connect Discovery first, then RFC 8414, section 3.1. */
export function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

/** Whether a URL from metadata uses TLS, or has the same origin as the issuer. */
function isSafe(address: string | undefined, issuer: string): boolean {
  if (address === undefined) return true;
  if (!URL.canParse(address)) return false;
  const { protocol, origin } = new URL(address);
  return protocol === "https:" || origin === new URL(issuer).origin;
}

/**
 * Fetches an issuer's metadata. The metadata's `issuer` must match exactly (RFC 8414, section 3.3).
 *
 * @throws IssuerUnavailableError if there is no valid metadata
 */
export async function discoverIssuer(issuer: string): Promise<IssuerMetadata> {
  const failures: string[] = [];
  for (const url of metadataUrls(issuer)) {
    try {
      const parsed = metadataSchema.safeParse(await fetchDocument(url));
      const metadata = parsed.data;
      if (!metadata) failures.push(`${url} did not return valid metadata`);
      else if (metadata.issuer !== issuer)
        failures.push(`${url} returned the metadata of another issuer`);
      else if (
        !isSafe(metadata.jwks_uri, issuer) ||
        !isSafe(metadata.introspection_endpoint, issuer)
      ) {
        failures.push(`${url} returned an endpoint without TLS`);
      } else return metadata;
    } catch (error) {
      if (!(error instanceof IssuerUnavailableError)) throw error;
      failures.push(error.message);
    }
  }
  throw new IssuerUnavailableError(failures.join("; "));
}
