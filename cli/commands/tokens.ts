import type { Target } from "../../shared/stack/open-stack.ts";
import type { Report } from "../../shared/terminal/output.ts";
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
  const { token_digest: _, ...shown } = token;
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
  const { token_digest: _, ...token } = await revokeToken(target, tokenId);
  return { json: token, text: `Token ${token.token_id} was revoked at ${token.revoked_at}.` };
}
