import * as z from "zod";
import { DAY_MS } from "../../shared/core/clock.ts";
import { parseInput } from "../../shared/core/errors.ts";
import { printable, type Report, table } from "../../shared/core/terminal.ts";
import { identifierSchema } from "../../shared/events/identifiers.ts";
import {
  type Listed,
  type ListedToken,
  listExpiringTokens,
  listTokensOf,
  listUnusedTokens,
} from "../../shared/response/list-held.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import type { Holder } from "../../shared/tokens/holdings.ts";
import { issueToken } from "../../shared/tokens/issue-token.ts";
import { revokeToken } from "../../shared/tokens/revoke-token.ts";

/**
 * `tokens issue`: issues a token and prints the secret, which can't be shown again because only its digest is stored.
 */
export async function tokensIssue(
  target: Target,
  options: { client: string; user?: string; scopes: string; expiresIn: string },
): Promise<Report> {
  const { secret, token } = await issueToken(target, {
    clientId: options.client,
    userId: options.user,
    scopes: options.scopes.split(" ").filter(Boolean),
    expiresInSeconds: Number(options.expiresIn),
  });
  const { token_digest: _, listed: __, ...shown } = token;
  const text = [
    `Token:      ${secret}`,
    `Token id:   ${token.token_id}`,
    `Scopes:     ${token.scopes.join(" ")}`,
    `Expires at: ${token.expires_at}`,
    "Save the token now. It is not stored and cannot be shown again.",
  ].join("\n");
  return { json: { token: secret, ...shown }, text };
}

/** `tokens revoke`: revokes a token by its public ID. */
export async function tokensRevoke(target: Target, tokenId: string): Promise<Report> {
  const { token_digest: _, listed: __, ...token } = await revokeToken(target, tokenId);
  return { json: token, text: `Token ${token.token_id} was revoked at ${token.revoked_at}.` };
}

/** Maximum number of listed tokens or sessions. */
export const MOST_LISTED = 500;

const holderShape = { client: identifierSchema.optional(), user: identifierSchema.optional() };

const holderSchema = z
  .object(holderShape)
  .refine(
    ({ client, user }) => (client === undefined) !== (user === undefined),
    "give either --client or --user",
  )
  .transform(
    ({ client, user }): Holder =>
      client === undefined ? { kind: "user", id: user as string } : { kind: "client", id: client },
  );

/** Returns the principal (user or client) that the options select. */
export function holderOf(options: unknown): Holder {
  return parseInput(holderSchema, "the list", options);
}

const listSchema = z
  .object({
    client: z.string().optional(),
    user: z.string().optional(),
    expiring: z.coerce.number().positive().max(366).optional(),
    unused: z.coerce.number().positive().max(366).optional(),
  })
  .refine(
    ({ expiring, unused }) => expiring === undefined || unused === undefined,
    "--expiring and --unused exclude each other. Give only one",
  );

/** Maximum number of tokens to examine when searching for unused ones. */
const MOST_LOOKED_AT_IN_ALL = 50_000;

/** Reads pages until it has found enough unused tokens or examined `MOST_LOOKED_AT_IN_ALL` tokens. */
async function findUnused(
  target: Target,
  holder: Holder | undefined,
  unusedDays: number,
): Promise<Listed<ListedToken> & { readonly lookedAt: number }> {
  const nowMs = target.clock();
  const items: ListedToken[] = [];
  let lookedAt = 0;
  let expiresBefore: string | undefined;
  do {
    const part = await listUnusedTokens(target, {
      nowMs,
      sinceMs: nowMs - unusedDays * DAY_MS,
      holder,
      expiresBefore,
    });
    items.push(...part.items);
    lookedAt += part.lookedAt;
    expiresBefore = part.next;
  } while (
    expiresBefore !== undefined &&
    items.length < MOST_LISTED &&
    lookedAt < MOST_LOOKED_AT_IN_ALL
  );
  return { items, more: expiresBefore !== undefined, lookedAt };
}

/** `tokens list`: lists a user's or client's active tokens, tokens that expire soon, or unused tokens. */
export async function tokensList(target: Target, options: unknown): Promise<Report> {
  const { expiring, unused, ...named } = parseInput(listSchema, "the list", options);
  const nowMs = target.clock();
  if (unused !== undefined) {
    const isOfHolder = named.client !== undefined || named.user !== undefined;
    const holder = isOfHolder ? holderOf(named) : undefined;
    return reportOf(await findUnused(target, holder, unused));
  }
  return reportOf(
    expiring === undefined
      ? await listTokensOf(target, holderOf(named), { nowMs, limit: MOST_LISTED })
      : await listExpiringTokens(target, {
          nowMs,
          untilMs: nowMs + expiring * DAY_MS,
          limit: MOST_LISTED,
        }),
  );
}

function reportOf({
  items,
  more,
  lookedAt,
}: Listed<ListedToken> & { readonly lookedAt?: number }): Report {
  const rows = items.map((token) => [
    token.token_id,
    printable(token.oauth_client_id),
    printable(token.user_id ?? ""),
    token.last_used_at ?? "never",
    token.expires_at,
    printable(token.scopes.join(" ")),
  ]);
  const head = ["TOKEN", "CLIENT", "USER", "LAST USED", "EXPIRES", "SCOPES"];
  const listed = rows.length > 0 ? table(head, rows) : "No active tokens.";
  const end =
    lookedAt === undefined
      ? `Only the first ${MOST_LISTED} tokens are listed.`
      : `Only the first ${lookedAt} tokens were checked; there are more.`;
  return {
    json: { tokens: items, more, looked_at: lookedAt },
    text: more ? `${listed}\n${end}` : listed,
  };
}
