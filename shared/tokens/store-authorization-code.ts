import { PutCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { MonitoringContext } from "../config/monitoring-context.ts";
import { SECOND_MS, toInstant } from "../core/clock.ts";
import { parseInput } from "../core/errors.ts";
import { identifierSchema, scopeSchema } from "../events/identifiers.ts";
import { digestSecret } from "./access-token.ts";
import { expiryAttributes } from "./expiry-attributes.ts";

/** Schema for an authorization code that a server issued (RFC 6749, section 4.1.2). */
export const authorizationCodeSchema = z.strictObject({
  code: z.string().min(16, "expected an authorization code of at least 16 characters").max(1024),
  clientId: identifierSchema,
  userId: identifierSchema,
  scopes: z.array(scopeSchema),
  redirectUri: z.url(),
  /** RFC 6749 recommends a maximum of ten minutes. */
  expiresInSeconds: z.int().min(1).max(3600).default(600),
});

/** An authorization code that a server issued. */
export interface AuthorizationCodeRequest extends z.input<typeof authorizationCodeSchema> {}

/**
 * Stores the digest of an authorization code. The cleanup removes it after it has expired.
 *
 * @example
 * ```typescript
 * await storeAuthorizationCode(openMonitoring(), {
 *   code,
 *   clientId: "app",
 *   userId: "ada",
 *   scopes: ["api:read"],
 *   redirectUri: "https://app.example.com/callback",
 * });
 * ```
 * @throws InvalidInputError if the request isn't valid
 */
export async function storeAuthorizationCode(
  context: Pick<MonitoringContext, "db" | "authorizationCodesTable" | "config" | "clock">,
  request: AuthorizationCodeRequest,
): Promise<void> {
  const parsed = parseInput(authorizationCodeSchema, "the authorization code", request);
  const nowMs = context.clock();
  const code_digest = digestSecret(parsed.code);
  await context.db.send(
    new PutCommand({
      TableName: context.authorizationCodesTable,
      Item: {
        code_digest,
        oauth_client_id: parsed.clientId,
        user_id: parsed.userId,
        scopes: parsed.scopes,
        redirect_uri: parsed.redirectUri,
        issued_at: toInstant(nowMs),
        ...expiryAttributes(
          code_digest,
          nowMs + parsed.expiresInSeconds * SECOND_MS,
          context.config,
        ),
      },
      ConditionExpression: "attribute_not_exists(code_digest)",
    }),
  );
}
