import { canonicalIp } from "../events/ip-address.ts";
import { IpBlocks } from "../events/ip-network.ts";
import type {
  Block,
  DenyList,
  DenyListEntry,
  PrincipalIds,
  Revocation,
} from "./deny-list-entry.ts";

type Entry = Block | Revocation;

const getKey = (kind: string, id: string) => `${kind}#${id}`;

/** Key for entries that apply to every principal. Only revocations can do that. */
const ALL_PRINCIPALS = getKey("all", "all");

/** The entries for one target, by sequence number. */
type Entries = Map<string, Entry>;

/** The deny list in memory. Lookups skip expired entries. */
export class InMemoryDenyList implements DenyList {
  readonly #byTarget = new Map<string, Entries>();
  readonly #networks = new IpBlocks<Entries>();
  readonly #bySeq = new Map<string, Entry>();

  /** Number of entries, including expired ones that aren't pruned yet. */
  get size(): number {
    return this.#bySeq.size;
  }

  /** Adds a block or revocation. A release removes its action's earlier entries instead. Idempotent. */
  apply(entry: DenyListEntry): void {
    if (isEntry(entry)) {
      this.#add(entry);
      return;
    }
    for (const { seq, action_id } of this.#bySeq.values()) {
      if (action_id === entry.action_id) this.#remove(seq);
    }
  }

  /** Removes expired entries. */
  prune(atMs: number): void {
    for (const entry of this.#bySeq.values()) if (!isActive(entry, atMs)) this.#remove(entry.seq);
  }

  findAddressBlock(ip: string, atMs: number): Block | undefined {
    if (this.#bySeq.size === 0) return undefined;
    const own = this.#byTarget.get(getKey("address", canonicalIp(ip)));
    return findBlockIn([own, ...this.#networks.find(ip)], atMs);
  }

  findBlock(principal: PrincipalIds, atMs: number): Block | undefined {
    return findBlockIn(this.#getEntries(principal), atMs);
  }

  findRevocation(principal: PrincipalIds, startedAt: string, atMs: number): Revocation | undefined {
    for (const entries of this.#getEntries(principal)) {
      for (const entry of entries?.values() ?? []) {
        if (entry.effect === "revoke" && startedAt < entry.issued_before && isActive(entry, atMs)) {
          return entry;
        }
      }
    }
    return undefined;
  }

  #getEntries({ tokenId, clientId, userId, sessionIds }: PrincipalIds) {
    if (this.#bySeq.size === 0) return [];
    return [
      getKey("token", tokenId),
      getKey("client", clientId),
      ...(userId === undefined ? [] : [getKey("user", userId)]),
      ...sessionIds.map((id) => getKey("session", id)),
      ALL_PRINCIPALS,
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
    const key = getKey(target_kind, target_id);
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
      this.#byTarget.delete(getKey(entry.target_kind, entry.target_id));
    }
  }
}

function isEntry(entry: DenyListEntry): entry is Entry {
  return entry.effect !== "release";
}

function isActive(entry: Entry, atMs: number): boolean {
  return Date.parse(entry.until) > atMs;
}

function findBlockIn(all: readonly (Entries | undefined)[], atMs: number): Block | undefined {
  for (const entries of all) {
    for (const entry of entries?.values() ?? []) {
      if (entry.effect === "block" && isActive(entry, atMs)) return entry;
    }
  }
  return undefined;
}
