import type { Block, Revocation } from "./restriction-store.ts";

/** The IDs of a principal that deny list entries can target. */
export interface RestrictedHolder {
  readonly tokenId: string;
  readonly clientId: string;
  readonly userId?: string | undefined;
  /** The sessions of the call. */
  readonly sessionIds: readonly string[];
}

/** Lookups in the deny list. */
export interface HeldRestrictions {
  /** Returns the block of the address or of a network that contains it. */
  blockOfAddress(ip: string, atMs: number): Block | undefined;
  /** Returns the block of the token, user, client or a session. */
  blockOf(holder: RestrictedHolder, atMs: number): Block | undefined;
  /**
   * Returns the revocation that applies to a token or session.
   *
   * @param beganAt issue time of the token or start time of the session, UTC
   */
  revocationOf(holder: RestrictedHolder, beganAt: string, atMs: number): Revocation | undefined;
}
