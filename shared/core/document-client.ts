import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { giveUpAfter } from "./request-timeouts.ts";

/** DynamoDB document client as used by every module. */
export type DocumentClient = DynamoDBDocumentClient;

/**
 * Patience of a client: timeout and retries.
 * - `call`: the caller of an API waits for the authorizer. Two attempts of one second.
 * - `interactive`: an admin waits for a response. Three attempts of five seconds.
 * - `background`: no one waits. Many retries that slow down when throttled (adaptive mode of the SDK).
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
    // Read and write numbers as doubles, as in JSON. By default, the SDK rejects or converts those above
    // 2^53.
    marshallOptions: { removeUndefinedValues: true, allowImpreciseNumbers: true },
    unmarshallOptions: { wrapNumbers: Number },
  });
}
