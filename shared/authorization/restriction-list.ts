import { canonicalIp } from "../events/ip-address.ts";
import { IpBlocks } from "../events/ip-network.ts";
import type {
  Block,
  HeldRestrictions,
  RestrictedHolder,
  Restriction,
  Revocation,
} from "./restriction.ts";

type Entry = Block | Revocation;

const keyOf = (kind: string, id: string) => `${kind}#${id}`;

/** Key for entries that apply to every principal. Only revocations can do that. */
const EVERYBODY = keyOf("all", "all");

/** The entries for one target, by sequence number. */
type Entries = Map<string, Entry>;

/** The deny list in memory. Lookups skip expired entries. */
export class RestrictionList implements HeldRestrictions {
  readonly #byTarget = new Map<string, Entries>();
  readonly #networks = new IpBlocks<Entries>();
  readonly #bySeq = new Map<string, Entry>();

  /** Number of entries, including expired ones that aren't pruned yet. */
  get size(): number {
    return this.#bySeq.size;
  }

  /** Adds a block or revocation. A release removes its action's earlier entries instead. Idempotent. */
  apply(entry: Restriction): void {
    if (isHeld(entry)) {
      this.#add(entry);
      return;
    }
    for (const { seq, action_id } of this.#bySeq.values()) {
      if (action_id === entry.action_id) this.#remove(seq);
    }
  }

  /** Removes expired entries. */
  prune(atMs: number): void {
    for (const entry of this.#bySeq.values()) if (!holds(entry, atMs)) this.#remove(entry.seq);
  }

  blockOfAddress(ip: string, atMs: number): Block | undefined {
    if (this.#bySeq.size === 0) return undefined;
    const own = this.#byTarget.get(keyOf("address", canonicalIp(ip)));
    return blockIn([own, ...this.#networks.find(ip)], atMs);
  }

  blockOf(holder: RestrictedHolder, atMs: number): Block | undefined {
    return blockIn(this.#entriesOf(holder), atMs);
  }

  revocationOf(holder: RestrictedHolder, beganAt: string, atMs: number): Revocation | undefined {
    for (const entries of this.#entriesOf(holder)) {
      for (const entry of entries?.values() ?? []) {
        if (entry.effect === "revoke" && beganAt < entry.issued_before && holds(entry, atMs)) {
          return entry;
        }
      }
    }
    return undefined;
  }

  #entriesOf({ tokenId, clientId, userId, sessionIds }: RestrictedHolder) {
    if (this.#bySeq.size === 0) return [];
    return [
      keyOf("token", tokenId),
      keyOf("client", clientId),
      ...(userId === undefined ? [] : [keyOf("user", userId)]),
      ...sessionIds.map((id) => keyOf("session", id)),
      EVERYBODY,
    ].map((key) => this.#byTarget.get(key));
  }

  #add(entry: Entry): void {
    const entries = this.#entriesFor(entry);
    entries.set(entry.seq, entry);
    this.#bySeq.set(entry.seq, entry);
  }

  #entriesFor({ target_kind, target_id }: Entry): Entries {
    if (target_kind === "network") {
      const known = this.#networks.get(target_id) ?? new Map();
      this.#networks.set(target_id, known);
      return known;
    }
    const key = keyOf(target_kind, target_id);
    const known = this.#byTarget.get(key) ?? new Map();
    this.#byTarget.set(key, known);
    return known;
  }

  #remove(seq: string): void {
    const entry = this.#bySeq.get(seq);
    if (!entry) return;
    this.#bySeq.delete(seq);
    const entries = this.#entriesFor(entry);
    entries.delete(seq);
    if (entries.size === 0 && entry.target_kind !== "network") {
      this.#byTarget.delete(keyOf(entry.target_kind, entry.target_id));
    }
  }
}

function isHeld(entry: Restriction): entry is Entry {
  return entry.effect !== "release";
}

function holds(entry: Entry, atMs: number): boolean {
  return Date.parse(entry.until) > atMs;
}

function blockIn(all: readonly (Entries | undefined)[], atMs: number): Block | undefined {
  for (const entries of all) {
    for (const entry of entries?.values() ?? []) {
      if (entry.effect === "block" && holds(entry, atMs)) return entry;
    }
  }
  return undefined;
}
