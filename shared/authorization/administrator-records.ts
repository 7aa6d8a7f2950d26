import { isIP } from "node:net";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { DAY_MS, HOUR_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { batchGetAll } from "../core/document-client.ts";
import { canonicalIp } from "../events/ip-address.ts";
import { addressGroup } from "../events/ip-network.ts";
import type { AccessToken, TokenStore } from "../tokens/access-token.ts";
import { RESPOND_SCOPE } from "./required-access.ts";

/** An IP address, user or client that an administrator uses. */
export interface AdministratorTrait {
  readonly kind: "address" | "user" | "client";
  readonly id: string;
}

/** Days that a record stays valid after the last authorized admin call. */
const RETENTION_DAYS = 30;

/** Minimum interval between two writes of the same record by one process. */
const REWRITE_AFTER_MS = 6 * HOUR_MS;

/**
 * Maximum number of records that a process remembers. Above it, the oldest record is forgotten, so its next call writes
 * it again.
 */
const MAX_REMEMBERED = 1000;

/** When this process last wrote each record, in epoch milliseconds. */
const written = new Map<string, number>();

const getKey = ({ kind, id }: AdministratorTrait) => ({
  token_digest: `administrator:${kind}:${kind === "address" ? addressGroup(canonicalIp(id)) : id}`,
});

/**
 * Records the IP address of an authorized admin call. If the token has `oauth:respond`, also records its user and
 * client. Only authorized calls reach this function, so a caller without an admin token can't create a record.
 *
 * Cost: 1 write unit per record, up to 3 records per call. A process writes the same record at most once every six
 * hours.
 */
export async function recordAdministrator(
  store: TokenStore,
  { oauth_client_id, user_id, scopes }: AccessToken,
  { ip, atMs }: { readonly ip: string; readonly atMs: number },
): Promise<void> {
  const mayAct = scopes.includes(RESPOND_SCOPE);
  const traits: AdministratorTrait[] = [
    ...(isIP(ip) === 0 ? [] : [{ kind: "address" as const, id: ip }]),
    ...(mayAct ? [{ kind: "client" as const, id: oauth_client_id }] : []),
    ...(mayAct && user_id !== undefined ? [{ kind: "user" as const, id: user_id }] : []),
  ];
  await Promise.all(traits.map((trait) => write(store, trait, atMs)));
}

async function write(store: TokenStore, trait: AdministratorTrait, atMs: number): Promise<void> {
  const Key = getKey(trait);
  const name = `${store.tokensTable} ${Key.token_digest}`;
  if (atMs - (written.get(name) ?? Number.NEGATIVE_INFINITY) < REWRITE_AFTER_MS) return;
  // Set before the write, so that concurrent calls write only once.
  written.delete(name);
  written.set(name, atMs);
  if (written.size > MAX_REMEMBERED) written.delete(written.keys().next().value as string);
  try {
    await store.db.send(
      new UpdateCommand({
        TableName: store.tokensTable,
        Key,
        UpdateExpression: "SET counts_until = :until, ttl_epoch_seconds = :ttl",
        ExpressionAttributeValues: {
          ":until": toInstant(atMs + RETENTION_DAYS * DAY_MS),
          ":ttl": toEpochSeconds(atMs + RETENTION_DAYS * DAY_MS),
        },
      }),
    );
  } catch (error) {
    written.delete(name);
    throw error;
  }
}

/** Whether an administrator used this address, user or client in the last 30 days. Costs one read. */
export async function isAdministratorRecorded(
  store: TokenStore,
  trait: AdministratorTrait,
  atMs: number,
): Promise<boolean> {
  const items = await batchGetAll(store.db, store.tokensTable, [getKey(trait)], {
    consistent: true,
  });
  return items.some(({ counts_until }) => String(counts_until) > toInstant(atMs));
}
