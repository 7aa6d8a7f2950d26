import { isIP } from "node:net";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { batchGetAll } from "../core/batch-get-all.ts";
import { DAY_MS, HOUR_MS, toEpochSeconds, toInstant } from "../core/clock.ts";
import { canonicalIp } from "../events/ip-address.ts";
import { addressGroup } from "../events/ip-block.ts";
import type { AccessToken, TokenStore } from "../tokens/access-token.ts";
import { RESPOND_SCOPE } from "./required-access.ts";

/** An address, user or client from which an administrator calls. */
export interface AdministratorTrait {
  readonly kind: "address" | "user" | "client";
  readonly id: string;
}

/** Days a record counts after the last authorized admin call. */
const KEPT_DAYS = 30;

/** A process writes the same record at most once in this time. */
const REWRITE_AFTER_MS = 6 * HOUR_MS;

/** Records a process remembers writing. Beyond it, the oldest is forgotten and written again. */
const MOST_REMEMBERED = 1000;

/** When this process last wrote each record, epoch milliseconds. */
const written = new Map<string, number>();

const keyOf = ({ kind, id }: AdministratorTrait) => ({
  token_digest: `administrator:${kind}:${kind === "address" ? addressGroup(canonicalIp(id)) : id}`,
});

/**
 * Records the address of an authorized admin call, and its user and client if the token may act. Only an authorized
 * call leads here, so nobody without an admin token can create a record.
 *
 * Cost: 1 to 3 write units, at most once in six hours per process for the same address, user or client.
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
  const Key = keyOf(trait);
  const name = `${store.tokensTable} ${Key.token_digest}`;
  if (atMs - (written.get(name) ?? Number.NEGATIVE_INFINITY) < REWRITE_AFTER_MS) return;
  // Before the write, so that concurrent calls write once.
  written.delete(name);
  written.set(name, atMs);
  if (written.size > MOST_REMEMBERED) written.delete(written.keys().next().value as string);
  try {
    await store.db.send(
      new UpdateCommand({
        TableName: store.tokensTable,
        Key,
        UpdateExpression: "SET counts_until = :until, ttl_epoch_seconds = :ttl",
        ExpressionAttributeValues: {
          ":until": toInstant(atMs + KEPT_DAYS * DAY_MS),
          ":ttl": toEpochSeconds(atMs + KEPT_DAYS * DAY_MS),
        },
      }),
    );
  } catch (error) {
    written.delete(name);
    throw error;
  }
}

/** Whether an administrator called from the address, as the user or with the client within 30 days. One read. */
export async function isAdministratorRecorded(
  store: TokenStore,
  trait: AdministratorTrait,
  atMs: number,
): Promise<boolean> {
  const items = await batchGetAll(store.db, store.tokensTable, [keyOf(trait)], {
    consistent: true,
  });
  return items.some(({ counts_until }) => String(counts_until) > toInstant(atMs));
}
