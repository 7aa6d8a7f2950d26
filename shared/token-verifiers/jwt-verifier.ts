import type { IssuerConfig } from "../config/issuer-parameters.ts";
import { fetchDocument, IssuerUnavailableError } from "./fetch-document.ts";
import { IssuerKeys } from "./issuer-keys.ts";
import { discoverIssuer } from "./issuer-metadata.ts";
import type { SignedJwt } from "./json-web-token.ts";
import { isSignatureValid } from "./jws-signature.ts";
import { PROVIDER_CLAIMS } from "./provider-claims.ts";
import type { TokenRejection } from "./rejections.ts";
import { type ClaimReader, claimReader, readTokenClaims } from "./token-claims.ts";
import {
  type PresentedToken,
  rejected,
  type TokenVerifier,
  type Verification,
  type VerificationMoment,
} from "./token-verifier.ts";

/**
 * Fetches an issuer's keys from the configured URL, the provider's well-known path, or the URL in the issuer's
 * metadata.
 */
export async function fetchIssuerKeys(issuer: IssuerConfig): Promise<unknown> {
  const { jwksPath } = PROVIDER_CLAIMS[issuer.provider];
  const uri =
    issuer.jwksUri ??
    (jwksPath === undefined
      ? (await discoverIssuer(issuer.issuer)).jwks_uri
      : `${issuer.issuer.replace(/\/$/, "")}${jwksPath}`);
  if (uri === undefined) {
    throw new IssuerUnavailableError(
      `the metadata of ${issuer.issuer} has no jwks_uri. Set jwksUri`,
    );
  }
  return fetchDocument(uri);
}

/** Result of a signature check. */
export type SignatureCheck =
  | { readonly status: "valid" }
  | { readonly status: "rejected"; readonly reason: TokenRejection }
  | { readonly status: "unavailable"; readonly cause: string };

/** Verifies a signature with the key that the token names, if its algorithm is allowed. */
export async function checkSignature(
  jwt: SignedJwt,
  keys: IssuerKeys,
  algorithms: readonly string[],
  moment: VerificationMoment,
): Promise<SignatureCheck> {
  if (!algorithms.includes(jwt.algorithm)) {
    return { status: "rejected", reason: "forbidden_algorithm" };
  }
  const lookup = await keys.find(jwt, moment);
  if (lookup.status === "unavailable") return lookup;
  if (lookup.status === "unknown") return { status: "rejected", reason: "unknown_key" };
  return isSignatureValid(jwt.text, jwt.algorithm, lookup.key)
    ? { status: "valid" }
    : { status: "rejected", reason: "invalid_signature" };
}

/** Verifies JWT access tokens (RFC 9068, and providers' own profiles) with the issuer's keys, following RFC 8725. */
export class JwtVerifier implements TokenVerifier {
  readonly #reader: ClaimReader;
  readonly #keys: IssuerKeys;
  readonly #algorithms: readonly string[];
  readonly #types: readonly string[];

  constructor(issuer: IssuerConfig, wantedScopes: ReadonlySet<string>) {
    this.#reader = claimReader(issuer, wantedScopes);
    this.#keys = new IssuerKeys(() => fetchIssuerKeys(issuer), issuer);
    this.#algorithms = issuer.algorithms ?? this.#reader.provider.algorithms;
    this.#types = issuer.types ?? this.#reader.provider.types;
  }

  prepare(atMs: number): Promise<void> {
    return this.#keys.refresh(atMs);
  }

  async verify({ jwt }: PresentedToken, moment: VerificationMoment): Promise<Verification> {
    if (!jwt) return rejected("malformed_jwt");
    // Check the type first, because verifying the signature costs more.
    if (!this.#types.includes(jwt.type ?? "none")) return rejected("wrong_token_type");
    const signature = await checkSignature(jwt, this.#keys, this.#algorithms, moment);
    if (signature.status !== "valid") return signature;
    return readTokenClaims(this.#reader, jwt.claims, moment.atMs);
  }
}
