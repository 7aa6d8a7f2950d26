import * as z from "zod";
import {
  type Listed,
  type ListedToken,
  listExpiringTokens,
  listTokensOf,
} from "../../shared/actions/list-held.ts";
import { identifierSchema } from "../../shared/envelope/identifiers.ts";
import { parseInput } from "../../shared/errors/faults.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { printable, type Report, table } from "../../shared/terminal/output.ts";
import { DAY_MS } from "../../shared/time/clock.ts";
import type { Holder } from "../../shared/tokens/holdings.ts";
import { issueToken } from "../../shared/tokens/issue-token.ts";
import { revokeToken } from "../../shared/tokens/revoke-token.ts";

/** `tokens issue`: prints the secret once. Only its digest is stored. */
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
    "Keep the token now: it is stored nowhere and cannot be shown again.",
  ].join("\n");
  return { json: { token: secret, ...shown }, text };
}

/** `tokens revoke`: revokes a token by its public id. */
export async function tokensRevoke(target: Target, tokenId: string): Promise<Report> {
  const { token_digest: _, listed: __, ...token } = await revokeToken(target, tokenId);
  return { json: token, text: `Token ${token.token_id} was revoked at ${token.revoked_at}.` };
}

/** How many tokens or sessions are listed. */
export const MOST_LISTED = 500;

const holderSchema = z
  .object({ client: identifierSchema.optional(), user: identifierSchema.optional() })
  .refine(
    ({ client, user }) => (client === undefined) !== (user === undefined),
    "name either --client or --user",
  )
  .transform(
    ({ client, user }): Holder =>
      client === undefined ? { kind: "user", id: user as string } : { kind: "client", id: client },
  );

/** The user or client that options name. */
export function holderOf(options: unknown): Holder {
  return parseInput(holderSchema, "the list", options);
}

const listSchema = z.object({
  client: z.string().optional(),
  user: z.string().optional(),
  expiring: z.coerce.number().positive().max(366).optional(),
});

/** `tokens list`: the active tokens of a user or a client, or those that expire soon. */
export async function tokensList(target: Target, options: unknown): Promise<Report> {
  const { expiring, ...named } = listSchema.parse(options);
  const nowMs = target.clock();
  const { items, more }: Listed<ListedToken> =
    expiring === undefined
      ? await listTokensOf(target, holderOf(named), { nowMs, limit: MOST_LISTED })
      : await listExpiringTokens(target, {
          nowMs,
          untilMs: nowMs + expiring * DAY_MS,
          limit: MOST_LISTED,
        });
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
  const text = more ? `${listed}\nThere are more than ${MOST_LISTED}.` : listed;
  return { json: { tokens: items, more }, text };
}
