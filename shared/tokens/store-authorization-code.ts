import { PutCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import type { MonitoringConfig } from "../config/monitoring-config.ts";
import { type Clock, SECOND_MS, toInstant } from "../core/clock.ts";
import type { DocumentClient } from "../core/document-client.ts";
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
export type AuthorizationCodeRequest = z.input<typeof authorizationCodeSchema>;

/** The DynamoDB table of authorization codes. */
export interface AuthorizationCodeStore {
  readonly db: DocumentClient;
  readonly authorizationCodesTable: string;
  readonly clock: Clock;
  readonly config: MonitoringConfig;
}

/**
 * Stores the digest of an authorization code. The cleanup removes it after it has expired.
 *
 * @throws InvalidInputError if the request isn't valid
 */
export async function storeAuthorizationCode(
  store: AuthorizationCodeStore,
  request: AuthorizationCodeRequest,
): Promise<void> {
  const asked = parseInput(authorizationCodeSchema, "the authorization code", request);
  const nowMs = store.clock();
  const code_digest = digestSecret(asked.code);
  await store.db.send(
    new PutCommand({
      TableName: store.authorizationCodesTable,
      Item: {
        code_digest,
        oauth_client_id: asked.clientId,
        user_id: asked.userId,
        scopes: asked.scopes,
        redirect_uri: asked.redirectUri,
        issued_at: toInstant(nowMs),
        ...expiryAttributes(code_digest, nowMs + asked.expiresInSeconds * SECOND_MS, store.config),
      },
      ConditionExpression: "attribute_not_exists(code_digest)",
    }),
  );
}
