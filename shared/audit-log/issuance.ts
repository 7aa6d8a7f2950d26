import type { TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { DAY_MS, instantSchema, MINUTE_MS, toEpochSeconds } from "../core/clock.ts";
import { computeShard, shardKey } from "../core/document-client.ts";
import { identifierSchema } from "../events/identifiers.ts";
import { NO_CLIENT, type OAuthEvent } from "../events/oauth-event.ts";
import type { Count } from "./counter-keys.ts";

type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

/**
 * A record of a token's issuance and revocation, by public id. The record outlives the token so that the token counts
 * once, no matter how many events describe it or in which order they arrive.
 */
export const issuanceSchema = z.object({
  token_id: z.string(),
  oauth_client_id: z.string().optional(),
  issued_at: z.string().optional(),
  expires_at: z.string().optional(),
  revoked_at: z.string().optional(),
});

export type Issuance = z.output<typeof issuanceSchema>;

/** `event_data` fields that must be present to count a `token_issued` or `token_seen` event. */
const issuedDataSchema = z.looseObject({
  token_id: identifierSchema,
  expires_at: instantSchema,
  /** Defaults to `occurred_at`. */
  issued_at: instantSchema.optional(),
});

/** `event_data` fields that must be present to count a `token_revoked` event. */
const revokedDataSchema = z.looseObject({ token_id: identifierSchema });

/** The issuance or revocation that an event reports. */
export interface TokenFact {
  readonly tokenId: string;
  readonly clientId: string;
  readonly issued?: { readonly at: string; readonly expiresAt: string };
  readonly revokedAt?: string;
}

/** Event types that report an issuance: by the issuer, or when the token is first used. */
const ISSUANCE_TYPES: ReadonlySet<string> = new Set(["token_issued", "token_seen"]);

/** Returns the issuance or revocation that an event reports, or undefined if required data is missing. */
export function tokenFact(event: OAuthEvent): TokenFact | undefined {
  const clientId = event.oauth_client_id ?? NO_CLIENT;
  if (ISSUANCE_TYPES.has(event.event_type)) {
    const data = issuedDataSchema.safeParse(event.event_data).data;
    if (!data) return undefined;
    const at = data.issued_at ?? event.occurred_at;
    return { tokenId: data.token_id, clientId, issued: { at, expiresAt: data.expires_at } };
  }
  if (event.event_type === "token_revoked") {
    const data = revokedDataSchema.safeParse(event.event_data).data;
    return data && { tokenId: data.token_id, clientId, revokedAt: event.occurred_at };
  }
  return undefined;
}

/**
 * Returns a token's lifetime in whole minutes. Tokens that have the same lifetime and were issued in the same minute
 * expire within two minutes of each other. Outside those two minutes, either all of them are active or all have
 * expired.
 */
export function lifetimeClass(issuedAt: string, expiresAt: string): string {
  const minutes = Math.floor((Date.parse(expiresAt) - Date.parse(issuedAt)) / MINUTE_MS);
  return String(minutes);
}

/** The write that updates a token's issuance record, the counts to add, and the updated record. */
export interface IssuanceChange {
  readonly write: TransactItem;
  readonly counts: readonly Count[];
  readonly after: Issuance;
}

function getCounts(after: Issuance, fields: readonly ("i" | "r")[]): Count[] {
  if (!after.issued_at || !after.expires_at) return [];
  const dimensions = [
    lifetimeClass(after.issued_at, after.expires_at),
    after.oauth_client_id ?? NO_CLIENT,
  ];
  const atMs = Date.parse(after.issued_at);
  return fields.map((field) => ({ kind: "tokens", dimensions, field, atMs }));
}

/**
 * Returns the change that an issuance or revocation causes, or undefined if the record already includes it. The write
 * requires that the stored record still equals `known`. Otherwise the transaction fails and is planned again.
 */
export function planIssuanceChange(
  known: Issuance | undefined,
  fact: TokenFact,
  table: string,
  config: Pick<MonitoringConfig, "shards" | "retention">,
): IssuanceChange | undefined {
  if (fact.issued ? known?.issued_at !== undefined : known?.revoked_at !== undefined)
    return undefined;
  const after: Issuance = {
    oauth_client_id: fact.clientId,
    ...known,
    token_id: fact.tokenId,
    ...(fact.issued && {
      oauth_client_id: fact.clientId,
      issued_at: fact.issued.at,
      expires_at: fact.issued.expiresAt,
    }),
    ...(fact.revokedAt && { revoked_at: fact.revokedAt }),
  };
  const revokedInTime =
    after.revoked_at !== undefined &&
    after.expires_at !== undefined &&
    after.revoked_at < after.expires_at;
  const fields: ("i" | "r")[] = [
    ...(fact.issued ? (["i"] as const) : []),
    ...(revokedInTime ? (["r"] as const) : []),
  ];
  const lastMs = Math.max(
    ...[after.issued_at, after.expires_at, after.revoked_at].map((at) =>
      Date.parse(at ?? "1970-01-01"),
    ),
  );
  return {
    counts: getCounts(after, fields),
    after,
    write: {
      Put: {
        TableName: table,
        Item: {
          ...after,
          ...(after.issued_at && {
            hour_shard: shardKey(
              after.issued_at.slice(0, 13),
              computeShard(fact.tokenId, config.shards.issuances.write),
            ),
          }),
          ttl_epoch_seconds: toEpochSeconds(lastMs + config.retention.statisticsDays * DAY_MS),
        },
        ...unchangedSince(known),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    },
  };
}

function unchangedSince(known: Issuance | undefined): {
  ConditionExpression: string;
  ExpressionAttributeValues?: Record<string, string>;
} {
  const is = (name: "issued_at" | "revoked_at") =>
    known?.[name] === undefined ? `attribute_not_exists(${name})` : `${name} = :${name}`;
  const values = Object.fromEntries(
    (["issued_at", "revoked_at"] as const).flatMap((name) => {
      const value = known?.[name];
      return value === undefined ? [] : [[`:${name}`, value]];
    }),
  );
  return {
    ConditionExpression: `${is("issued_at")} AND ${is("revoked_at")}`,
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
  };
}
