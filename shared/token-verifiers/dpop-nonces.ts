import { createHmac, timingSafeEqual } from "node:crypto";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { MINUTE_MS, SECOND_MS } from "../core/clock.ts";
import type { SecretReader } from "./client-authentication.ts";
import { IssuerUnavailableError } from "./fetch-document.ts";
import type { NonceRefusal } from "./possession.ts";

/** How long the secret is kept in memory. */
const SECRET_AGE_MS = 5 * MINUTE_MS;
/** A nonce may be of a newer secret, for which the secret is read again; not more often than this. */
const REREAD_AFTER_MS = 10 * SECOND_MS;
const SHORTEST_SECRET = 32;

/**
 * Nonces that an adapter gives to its callers for their proofs (RFC 9449, section 9). No store remembers them: a nonce is
 * the HMAC of a window of time, so every adapter with the same secret gives the same. It is taken in its window and in the
 * next one.
 */
export class DpopNonces {
  readonly #lifetimeMs: number;
  readonly #secretArn: string;
  #secret: Promise<string> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    { secretArn, lifetimeSeconds }: NonNullable<MonitoringConfig["dpop"]["nonce"]>,
    private readonly readSecret: SecretReader,
  ) {
    this.#lifetimeMs = lifetimeSeconds * SECOND_MS;
    this.#secretArn = secretArn;
  }

  /** Reads the secret before the first call. It does not throw: a call will read again. */
  async prepare(atMs: number): Promise<void> {
    await this.current(atMs).catch(() => {});
  }

  /**
   * The nonce that a caller should use from now on.
   *
   * @throws IssuerUnavailableError when the secret is too short; what reading it throws
   */
  async current(atMs: number): Promise<string> {
    return this.#nonceOf(this.#windowOf(atMs), await this.#read(atMs, SECRET_AGE_MS));
  }

  /**
   * Why the nonce of a proof is refused; undefined when it is not.
   *
   * @throws what `current` throws
   */
  async refusal(nonce: unknown, atMs: number): Promise<NonceRefusal | undefined> {
    if (typeof nonce !== "string") return "missing_dpop_nonce";
    if (this.#isKnown(nonce, atMs, await this.#read(atMs, SECRET_AGE_MS))) return undefined;
    const secret = await this.#read(atMs, REREAD_AFTER_MS);
    return this.#isKnown(nonce, atMs, secret) ? undefined : "stale_dpop_nonce";
  }

  #windowOf(atMs: number): number {
    return Math.floor(atMs / this.#lifetimeMs);
  }

  #nonceOf(window: number, secret: string): string {
    return createHmac("sha256", secret).update(`dpop-nonce ${window}`).digest("base64url");
  }

  #isKnown(nonce: string, atMs: number, secret: string): boolean {
    const window = this.#windowOf(atMs);
    return [window, window - 1].some((each) => {
      const [given, known] = [nonce, this.#nonceOf(each, secret)].map((text) => Buffer.from(text));
      return given?.length === known?.length && timingSafeEqual(given as Buffer, known as Buffer);
    });
  }

  async #read(atMs: number, maxAgeMs: number): Promise<string> {
    if (this.#secret === undefined || atMs - this.#readAtMs > maxAgeMs) {
      this.#readAtMs = atMs;
      const secret = this.readSecret(this.#secretArn);
      this.#secret = secret;
      secret.catch(() => {
        if (this.#secret === secret) this.#secret = undefined;
      });
    }
    const secret = await this.#secret;
    if (secret.length >= SHORTEST_SECRET) return secret;
    throw new IssuerUnavailableError(
      `the secret ${this.#secretArn} is too short for nonces: give it ${SHORTEST_SECRET} random characters`,
    );
  }
}
