import * as z from "zod";
import type { TransmitterConfig } from "../../config/signal-parameters.ts";
import { fetchDocument, IssuerUnavailableError } from "../../token-verifiers/fetch-document.ts";
import { IssuerKeys } from "../../token-verifiers/issuer-keys.ts";
import { readSignedJwt } from "../../token-verifiers/json-web-token.ts";
import { checkSignature } from "../../token-verifiers/jwt-verifier.ts";
import type { TokenRejection } from "../../token-verifiers/rejections.ts";
import {
  MAX_SET_LENGTH,
  readSetClaims,
  type SecurityEventToken,
  type SetRejection,
} from "./security-event-token.ts";

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

/** The result of verifying a SET. */
export type SetVerification =
  | {
      readonly status: "verified";
      readonly set: SecurityEventToken;
      readonly transmitter: TransmitterConfig;
    }
  | ({ readonly status: "rejected" } & SetRejection)
  /** The transmitter's keys can't be fetched, so the SET can't be verified. */
  | { readonly status: "unavailable"; readonly cause: string };

/** SET errors by JWS error (RFC 8935, section 2.4). */
const REJECTIONS: Partial<Record<TokenRejection, SetRejection>> = {
  encrypted_jwt: { err: "invalid_key", description: "encrypted SETs are not supported" },
  unsupported_jwt_header: {
    err: "invalid_request",
    description: "the header requires an unsupported extension (crit, b64)",
  },
  forbidden_algorithm: {
    err: "invalid_key",
    description: "the SET must be signed with an allowed algorithm",
  },
  unknown_key: { err: "invalid_key", description: "the transmitter does not publish the key" },
  invalid_signature: { err: "authentication_failed", description: "the signature is invalid" },
};

const MALFORMED: SetRejection = {
  err: "invalid_request",
  description: "the body is not a signed SET in compact form, or is too long",
};

const rejected = (rejection: SetRejection): SetVerification => ({
  status: "rejected",
  ...rejection,
});

interface KnownTransmitter {
  readonly config: TransmitterConfig;
  readonly keys: IssuerKeys;
}

/** Verifies SETs from the configured transmitters (RFC 8417, section 4, and RFC 8725). */
export class SetVerifier {
  readonly #byIssuer: ReadonlyMap<unknown, KnownTransmitter>;

  constructor(transmitters: readonly TransmitterConfig[]) {
    this.#byIssuer = new Map(
      transmitters.map((config) => [config.issuer, { config, keys: transmitterKeys(config) }]),
    );
  }

  /**
   * Verifies a SET with the keys of the transmitter that its `iss` names.
   *
   * @param atMs current time, epoch milliseconds
   */
  async verify(text: string, atMs: number): Promise<SetVerification> {
    const jwt = readSignedJwt(text, MAX_SET_LENGTH);
    if (typeof jwt === "string") return rejected(REJECTIONS[jwt] ?? MALFORMED);
    // The issuer may sign other kinds of tokens with the same key. Reject them.
    if (jwt.type !== "secevent+jwt") {
      return rejected({ err: "invalid_request", description: "typ must be secevent+jwt" });
    }
    const transmitter = this.#byIssuer.get(jwt.claims.iss);
    if (!transmitter) {
      return rejected({ err: "invalid_issuer", description: "iss is unknown" });
    }
    const { config, keys } = transmitter;
    const moment = { atMs, defer: (task: () => Promise<unknown>) => void task() };
    const signature = await checkSignature(jwt, keys, config.algorithms, moment);
    if (signature.status === "unavailable") return signature;
    if (signature.status === "rejected") return rejected(REJECTIONS[signature.reason] ?? MALFORMED);
    const set = readSetClaims(jwt.claims, config, atMs);
    return "err" in set ? rejected(set) : { status: "verified", set, transmitter: config };
  }
}
