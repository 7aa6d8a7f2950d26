import * as z from "zod";
import { DAY_MS } from "../../shared/core/clock.ts";
import type { Report } from "../../shared/core/terminal.ts";
import { identifierSchema } from "../../shared/events/identifiers.ts";
import {
  type Listed,
  type ListedToken,
  listExpiringTokens,
  listPrincipalSessions,
  listPrincipalTokens,
  listUnusedTokens,
} from "../../shared/response/list-credentials.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import type { Principal } from "../../shared/tokens/credentials.ts";
import { issueToken } from "../../shared/tokens/issue-token.ts";
import { revokeToken } from "../../shared/tokens/revoke-token.ts";
import { daysSchema, parseOptions, parseScopes } from "../program/options.ts";
import { type ReportCommand, tableOr } from "../program/report-command.ts";

/** Prints the secret, which can't be shown again because only its digest is stored. */
async function tokensIssue(
  target: Target,
  options: { client: string; user?: string; scopes: string; expiresIn: string },
): Promise<Report> {
  const { secret, token } = await issueToken(target, {
    clientId: options.client,
    userId: options.user,
    scopes: parseScopes(options.scopes),
    expiresInSeconds: Number(options.expiresIn),
  });
  const { token_digest: _, listed: __, ...publicToken } = token;
  const text = [
    `Token:      ${secret}`,
    `Token id:   ${token.token_id}`,
    `Scopes:     ${token.scopes.join(" ")}`,
    `Expires at: ${token.expires_at}`,
    "Save the token now. It is not stored and cannot be shown again.",
  ].join("\n");
  return { json: { token: secret, ...publicToken }, text };
}

async function tokensRevoke(target: Target, tokenId: string): Promise<Report> {
  const { token_digest: _, listed: __, ...token } = await revokeToken(target, tokenId);
  return { json: token, text: `Token ${token.token_id} was revoked at ${token.revoked_at}.` };
}

/** Maximum number of listed tokens or sessions. */
const MAX_LISTED = 500;

const principalSchema = z
  .object({ client: identifierSchema.optional(), user: identifierSchema.optional() })
  .refine(
    ({ client, user }) => (client === undefined) !== (user === undefined),
    "give either --client or --user",
  )
  .transform(
    ({ client, user }): Principal =>
      client === undefined ? { kind: "user", id: user as string } : { kind: "client", id: client },
  );

const listSchema = z
  .object({
    client: z.string().optional(),
    user: z.string().optional(),
    expiring: daysSchema.optional(),
    unused: daysSchema.optional(),
  })
  .refine(
    ({ expiring, unused }) => expiring === undefined || unused === undefined,
    "--expiring and --unused exclude each other. Give only one",
  );

/** Maximum number of tokens to examine when searching for unused ones. */
const MAX_EXAMINED_TOTAL = 50_000;

/** Reads pages until it has found enough unused tokens or examined `MAX_EXAMINED_TOTAL` tokens. */
async function findUnused(
  target: Target,
  principal: Principal | undefined,
  unusedDays: number,
): Promise<Listed<ListedToken> & { readonly examined: number }> {
  const nowMs = target.clock();
  const items: ListedToken[] = [];
  let examined = 0;
  let expiresBefore: string | undefined;
  do {
    const part = await listUnusedTokens(target, {
      nowMs,
      sinceMs: nowMs - unusedDays * DAY_MS,
      principal,
      expiresBefore,
    });
    items.push(...part.items);
    examined += part.examined;
    expiresBefore = part.next;
  } while (
    expiresBefore !== undefined &&
    items.length < MAX_LISTED &&
    examined < MAX_EXAMINED_TOTAL
  );
  return { items, more: expiresBefore !== undefined, examined };
}

function tokenReport({
  items,
  more,
  examined,
}: Listed<ListedToken> & { readonly examined?: number }): Report {
  const rows = items.map((token) => [
    token.token_id,
    token.oauth_client_id,
    token.user_id,
    token.last_used_at ?? "never",
    token.expires_at,
    token.scopes.join(" "),
  ]);
  const head = ["TOKEN", "CLIENT", "USER", "LAST USED", "EXPIRES", "SCOPES"];
  const listed = tableOr("No active tokens.", head, rows);
  const end =
    examined === undefined
      ? `Only the first ${MAX_LISTED} tokens are listed.`
      : `Only the first ${examined} tokens were checked; there are more.`;
  return {
    json: { tokens: items, more, examined: examined },
    text: more ? `${listed}\n${end}` : listed,
  };
}

/** Lists a user's or client's active tokens, tokens that expire soon, or unused tokens. */
export async function tokensList(target: Target, options: unknown): Promise<Report> {
  const { expiring, unused, ...named } = parseOptions(listSchema, options);
  const nowMs = target.clock();
  const limit = MAX_LISTED;
  if (unused !== undefined) {
    const isForPrincipal = named.client !== undefined || named.user !== undefined;
    const principal = isForPrincipal ? parseOptions(principalSchema, named) : undefined;
    return tokenReport(await findUnused(target, principal, unused));
  }
  if (expiring !== undefined) {
    const untilMs = nowMs + expiring * DAY_MS;
    return tokenReport(await listExpiringTokens(target, { nowMs, untilMs, limit }));
  }
  const principal = parseOptions(principalSchema, named);
  return tokenReport(await listPrincipalTokens(target, principal, { nowMs, limit }));
}

async function sessionsList(target: Target, options: unknown): Promise<Report> {
  const principal = parseOptions(principalSchema, options);
  const { items, more } = await listPrincipalSessions(target, principal, {
    nowMs: target.clock(),
    limit: MAX_LISTED,
  });
  const rows = items.map((session) => [
    session.session_id,
    session.oauth_client_id,
    session.user_id,
    session.started_at,
    session.expires_at,
  ]);
  const head = ["SESSION", "CLIENT", "USER", "STARTED", "EXPIRES"];
  return { json: { sessions: items, more }, text: tableOr("No active sessions.", head, rows) };
}

export function registerTokens(program: ReportCommand): void {
  const tokens = program.command("tokens").description("manage access tokens");
  tokens
    .command("issue")
    .description("issue a token and print it once")
    .requiredOption("--client <id>", "OAuth client id")
    .requiredOption("--scopes <scopes>", "space-separated scopes")
    .requiredOption("--expires-in <seconds>", "lifetime in seconds")
    .option("--user <id>", "user of the token")
    .examples('tokens issue --client mobile-app --scopes "api:read api:write" --expires-in 3600')
    .runOnStack(tokensIssue);
  tokens
    .command("revoke")
    .description("revoke a token")
    .argument("<token-id>", "public id of the token, as shown in events")
    .runOnStack(tokensRevoke);
  tokens
    .command("list")
    .description(
      "list active tokens of a client or user, tokens that expire soon, or unused tokens",
    )
    .option("--client <id>", "only tokens of this client")
    .option("--user <id>", "only tokens of this user")
    .option("--expiring <days>", "only tokens that expire within this number of days")
    .option("--unused <days>", "only tokens unused for this number of days")
    .examples(
      "tokens list --user ada",
      "tokens list --unused 30",
      "tokens list --expiring 7 --json",
    )
    .runOnStack(tokensList);
  program
    .command("sessions")
    .description("manage sessions")
    .command("list")
    .description("list active sessions of a client or user")
    .option("--client <id>", "only sessions of this client")
    .option("--user <id>", "only sessions of this user")
    .runOnStack(sessionsList);
}
