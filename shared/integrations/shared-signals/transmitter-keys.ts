import * as z from "zod";
import type { TransmitterConfig } from "../../config/signal-parameters.ts";
import { fetchDocument, IssuerUnavailableError } from "../../token-verifiers/fetch-document.ts";
import { IssuerKeys } from "../../token-verifiers/issuer-keys.ts";

const metadataSchema = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string().max(2048).optional(),
});

/** Cache limits for a transmitter's keys. Keys rarely change, but a SET can't be verified until they are fetched. */
const KEY_LIMITS = {
  keysRefreshSeconds: 300,
  keysMaxAgeSeconds: 7200,
  unknownKeyCooldownSeconds: 5,
};

/** Returns the URL of a transmitter's metadata (Shared Signals Framework 1.0, section 7.2.1). */
export function transmitterMetadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/ssf-configuration${pathname.replace(/\/$/, "")}`;
}

/**
 * Returns the URL of a transmitter's keys from its metadata. The metadata's `issuer` must match exactly.
 *
 * @throws IssuerUnavailableError if there is no valid URL
 */
async function discoverKeys(issuer: string): Promise<string> {
  const url = transmitterMetadataUrl(issuer);
  const metadata = metadataSchema.safeParse(await fetchDocument(url)).data;
  if (!metadata) throw new IssuerUnavailableError(`${url} did not return valid metadata`);
  if (metadata.issuer !== issuer) {
    throw new IssuerUnavailableError(`${url} returned the metadata of another transmitter`);
  }
  const { jwks_uri: keys } = metadata;
  if (keys === undefined)
    throw new IssuerUnavailableError(`${url} returned no jwks_uri. Set jwksUri`);
  const isSafe =
    URL.canParse(keys) &&
    (new URL(keys).protocol === "https:" || new URL(keys).origin === new URL(issuer).origin);
  if (!isSafe) throw new IssuerUnavailableError(`${url} returned an endpoint without TLS`);
  return keys;
}

/** Returns a transmitter's public keys, cached in memory like an issuer's keys. */
export function transmitterKeys({ issuer, jwksUri }: TransmitterConfig): IssuerKeys {
  return new IssuerKeys(
    async () => fetchDocument(jwksUri ?? (await discoverKeys(issuer))),
    KEY_LIMITS,
  );
}
