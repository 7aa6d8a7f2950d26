import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { giveUpAfter } from "./request-timeouts.ts";

/** The DynamoDB document client that every module uses. */
export type DocumentClient = DynamoDBDocumentClient;

/**
 * Timeouts and retries for a client.
 * - `call`: an API caller waits for the authorizer. Two attempts of one second.
 * - `interactive`: an admin waits for a response. Three attempts of five seconds.
 * - `background`: no one waits. Many retries, which slow down when DynamoDB throttles (the SDK's adaptive mode).
 */
export type Patience = "call" | "interactive" | "background";

const settings: Record<Patience, DynamoDBClientConfig> = {
  call: { maxAttempts: 2, requestHandler: giveUpAfter(1000) },
  interactive: { maxAttempts: 3, requestHandler: giveUpAfter(5000) },
  background: { maxAttempts: 8, retryMode: "adaptive", requestHandler: giveUpAfter(10_000) },
};

/** Creates the DynamoDB client. Endpoint, region and credentials come from the environment. */
export function createDocumentClient(
  patience: Patience,
  overrides: DynamoDBClientConfig = {},
): DocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient({ ...settings[patience], ...overrides }), {
    // Reads and writes numbers as doubles, like JSON. By default, the SDK rejects or converts numbers above 2^53.
    marshallOptions: { removeUndefinedValues: true, allowImpreciseNumbers: true },
    unmarshallOptions: { wrapNumbers: Number },
  });
}
