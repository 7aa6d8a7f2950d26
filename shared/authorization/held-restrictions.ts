import type { Block, Revocation } from "./restriction-store.ts";

/** A principal's IDs that deny list entries can target. */
export interface RestrictedHolder {
  readonly tokenId: string;
  readonly clientId: string;
  readonly userId?: string | undefined;
  /** The call's sessions: this product's and the issuer's. */
  readonly sessionIds: readonly string[];
}

/** Lookups in the deny list. */
export interface HeldRestrictions {
  /** Returns the block on the address, or on a network that contains the address. */
  blockOfAddress(ip: string, atMs: number): Block | undefined;
  /** Returns the block on the token, user, client or any of the sessions. */
  blockOf(holder: RestrictedHolder, atMs: number): Block | undefined;
  /**
   * Returns the revocation that applies to a token or session.
   *
   * @param beganAt issue time of the token or start time of the session, UTC
   */
  revocationOf(holder: RestrictedHolder, beganAt: string, atMs: number): Revocation | undefined;
}
