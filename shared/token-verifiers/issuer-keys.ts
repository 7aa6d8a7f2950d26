import type { KeyObject } from "node:crypto";
import * as z from "zod";
import { SECOND_MS } from "../core/clock.ts";
import { readPublicKey } from "./jws-signature.ts";
import type { VerificationMoment } from "./token-verifier.ts";

/** The members of a public key (RFC 7517) that this code uses. */
const publishedKeySchema = z.object({
  kty: z.enum(["RSA", "EC", "OKP"]),
  kid: z.string().optional(),
  use: z.string().optional(),
  alg: z.string().optional(),
  key_ops: z.array(z.string()).optional(),
  crv: z.string().optional(),
  n: z.string().optional(),
  e: z.string().optional(),
  x: z.string().optional(),
  y: z.string().optional(),
});

type PublishedKey = z.output<typeof publishedKeySchema>;

/** No real issuer has this many keys. */
const keySetSchema = z.looseObject({ keys: z.array(z.unknown()).max(200) });

/** Curves by algorithm. */
const CURVES: Readonly<Record<string, string>> = {
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
  EdDSA: "Ed25519",
  Ed25519: "Ed25519",
};

/** A key that can verify signatures. */
interface IssuerKey {
  readonly jwk: PublishedKey;
  readonly key: KeyObject;
}

/** Parses one key from a set. Skips an unusable key, which doesn't invalidate the set (RFC 7517, section 5). */
function readKey(value: unknown): IssuerKey[] {
  const jwk = publishedKeySchema.safeParse(value).data;
  const key = jwk && readPublicKey(jwk);
  return jwk && key ? [{ jwk, key }] : [];
}

/** Whether a key may verify signatures with the algorithm. */
function fits(key: PublishedKey, algorithm: string): boolean {
  const isForSignatures =
    (key.use === undefined || key.use === "sig") &&
    (key.key_ops === undefined || key.key_ops.includes("verify"));
  if (!isForSignatures || (key.alg !== undefined && key.alg !== algorithm)) return false;
  const curve = CURVES[algorithm];
  if (curve !== undefined) return key.crv === curve;
  return key.kty === "RSA";
}

/** Minimum pause after a failed fetch. */
const PAUSE_AFTER_FAILURE_MS = 2 * SECOND_MS;

/** Refresh interval, maximum age, and cooldown for unknown key IDs, in seconds. */
export interface KeyLimits {
  readonly keysRefreshSeconds: number;
  readonly keysMaxAgeSeconds: number;
  readonly unknownKeyCooldownSeconds: number;
}

/** Result of a key lookup. `unknown`: the issuer has no such key. */
export type KeyLookup =
  | { readonly status: "found"; readonly key: KeyObject }
  | { readonly status: "unknown" }
  | { readonly status: "unavailable"; readonly cause: string };

/**
 * Caches an issuer's public keys. Refreshes old keys in the background. Fetches immediately for an unknown key ID, but
 * at most once per cooldown, so callers can't force more requests. If the issuer doesn't respond, cached keys stay
 * valid for a limited time.
 */
export class IssuerKeys {
  #keys: readonly IssuerKey[] = [];
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #attemptedAtMs = Number.NEGATIVE_INFINITY;
  /** When an unknown key ID last triggered a fetch. */
  #lookedForKeyAtMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;
  /** Why the last attempt failed, if it did. */
  #failure: string | undefined;

  /** @param fetchKeySet fetches the issuer's JWK Set (RFC 7517, section 5) */
  constructor(
    private readonly fetchKeySet: () => Promise<unknown>,
    private readonly limits: KeyLimits,
  ) {}

  /** Fetches the keys. Doesn't throw. Concurrent calls share one fetch. */
  refresh(atMs: number): Promise<void> {
    this.#fetching ??= this.#fetch(atMs).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async find(
    { algorithm, keyId }: { readonly algorithm: string; readonly keyId: string | undefined },
    { atMs, defer }: VerificationMoment,
  ): Promise<KeyLookup> {
    const { keysRefreshSeconds, keysMaxAgeSeconds, unknownKeyCooldownSeconds } = this.limits;
    if (this.#isOlderThan(keysMaxAgeSeconds, atMs)) {
      if (this.#mayAsk(atMs)) await this.refresh(atMs);
      if (this.#isOlderThan(keysMaxAgeSeconds, atMs)) return this.#unavailable();
    } else if (this.#isOlderThan(keysRefreshSeconds, atMs) && this.#mayAsk(atMs)) {
      defer(() => this.refresh(atMs));
    }
    let found = this.#match(algorithm, keyId);
    const isCool = atMs - this.#lookedForKeyAtMs >= unknownKeyCooldownSeconds * SECOND_MS;
    if (!found && (isCool || this.#fetching)) {
      this.#lookedForKeyAtMs = atMs;
      await this.refresh(atMs);
      found = this.#match(algorithm, keyId);
    }
    if (found) return { status: "found", key: found.key };
    // The key may be new, but the issuer can't be reached.
    return this.#failure === undefined ? { status: "unknown" } : this.#unavailable();
  }

  #isOlderThan(seconds: number, atMs: number): boolean {
    return atMs - this.#fetchedAtMs >= seconds * SECOND_MS;
  }

  #mayAsk(atMs: number): boolean {
    if (this.#fetching) return true;
    return this.#failure === undefined || atMs - this.#attemptedAtMs >= PAUSE_AFTER_FAILURE_MS;
  }

  #unavailable(): KeyLookup {
    return { status: "unavailable", cause: this.#failure ?? "the keys have not been fetched yet" };
  }

  async #fetch(atMs: number): Promise<void> {
    this.#attemptedAtMs = atMs;
    try {
      const { keys } = keySetSchema.parse(await this.fetchKeySet());
      this.#keys = keys.flatMap(readKey);
      this.#fetchedAtMs = atMs;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof z.ZodError ? "the key set is not valid" : String(error);
    }
  }

  /** A token without a key ID matches only if exactly one key fits. */
  #match(algorithm: string, keyId: string | undefined): IssuerKey | undefined {
    const fitting = this.#keys.filter(({ jwk }) => fits(jwk, algorithm));
    if (keyId !== undefined) return fitting.find(({ jwk }) => jwk.kid === keyId);
    return fitting.length === 1 ? fitting[0] : undefined;
  }
}
