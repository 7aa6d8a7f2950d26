import type { Block, Revocation } from "./restriction-store.ts";

/** A holder of tokens or sessions, as far as it can be restricted. */
export interface RestrictedHolder {
  readonly tokenId: string;
  readonly clientId: string;
  readonly userId?: string | undefined;
  /** The sessions that the call is a part of. */
  readonly sessionIds: readonly string[];
}

/** The restrictions that hold at a moment. */
export interface HeldRestrictions {
  /** The block of the address itself, or of a network that it lies in. */
  blockOfAddress(ip: string, atMs: number): Block | undefined;
  /** The block of the token, the user, the client or a session. */
  blockOf(holder: RestrictedHolder, atMs: number): Block | undefined;
  /**
   * The revocation that a token or a session falls under by its user, client or session.
   *
   * @param beganAt when the token was issued or the session started, UTC
   */
  revocationOf(holder: RestrictedHolder, beganAt: string, atMs: number): Revocation | undefined;
}
