import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

/** The store as every module sees it. */
export type DocumentClient = DynamoDBDocumentClient;

/**
 * How a caller waits for the store.
 * - `interactive`: someone waits for the answer; give up within a few seconds.
 * - `background`: nobody waits; retry long and slow down when throttled (the SDK's adaptive mode).
 */
export type Patience = "interactive" | "background";

const settings: Record<Patience, DynamoDBClientConfig> = {
  interactive: {
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 3000 },
  },
  background: {
    maxAttempts: 8,
    retryMode: "adaptive",
    requestHandler: { connectionTimeout: 2000, requestTimeout: 10_000 },
  },
};

/** The one place that makes a DynamoDB client; endpoint, region and credentials come from the environment. */
export function createDocumentClient(
  patience: Patience,
  overrides: DynamoDBClientConfig = {},
): DocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient({ ...settings[patience], ...overrides }), {
    marshallOptions: { removeUndefinedValues: true },
  });
}
