import { createHmac } from "node:crypto";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { MINUTE_MS, SECOND_MS } from "../core/clock.ts";
import { isSameText } from "../tokens/access-token.ts";
import type { SecretReader } from "./client-authentication.ts";
import { IssuerUnavailableError } from "./fetch-document.ts";
import type { NonceRejection } from "./rejections.ts";

/** Cache lifetime of the secret. */
const SECRET_AGE_MS = 5 * MINUTE_MS;
/** Minimum interval between rereads. An unknown nonce may come from a newer secret, so it triggers a reread. */
const REREAD_AFTER_MS = 10 * SECOND_MS;
const SHORTEST_SECRET = 32;

/**
 * Server nonces for DPoP proofs (RFC 9449, section 9). Nonces aren't stored: each is the HMAC of a time window, so all
 * adapters with the same secret issue the same nonce. A nonce is valid in its own window and the next one.
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

  /** Reads the secret before the first call. Never throws: if the read fails, the next call tries again. */
  async prepare(atMs: number): Promise<void> {
    await this.current(atMs).catch(() => {});
  }

  /**
   * Returns the nonce for new proofs.
   *
   * @throws IssuerUnavailableError if the secret is too short, or any error from reading it
   */
  async current(atMs: number): Promise<string> {
    return this.#computeNonce(this.#getWindow(atMs), await this.#read(atMs, SECRET_AGE_MS));
  }

  /**
   * Returns why a proof's nonce is rejected, or undefined if it is valid.
   *
   * @throws any error from `current`
   */
  async rejection(nonce: unknown, atMs: number): Promise<NonceRejection | undefined> {
    if (typeof nonce !== "string") return "missing_dpop_nonce";
    if (this.#isKnown(nonce, atMs, await this.#read(atMs, SECRET_AGE_MS))) return undefined;
    const secret = await this.#read(atMs, REREAD_AFTER_MS);
    return this.#isKnown(nonce, atMs, secret) ? undefined : "stale_dpop_nonce";
  }

  #getWindow(atMs: number): number {
    return Math.floor(atMs / this.#lifetimeMs);
  }

  #computeNonce(window: number, secret: string): string {
    return createHmac("sha256", secret).update(`dpop-nonce ${window}`).digest("base64url");
  }

  #isKnown(nonce: string, atMs: number, secret: string): boolean {
    const window = this.#getWindow(atMs);
    return [window, window - 1].some((each) => isSameText(nonce, this.#computeNonce(each, secret)));
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
      `the secret ${this.#secretArn} is too short for nonces. Set it to at least ${SHORTEST_SECRET} random characters`,
    );
  }
}
