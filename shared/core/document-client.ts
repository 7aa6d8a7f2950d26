import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { giveUpAfter } from "./request-timeouts.ts";

/** The store as every module sees it. */
export type DocumentClient = DynamoDBDocumentClient;

/**
 * How long a client waits for the store.
 * - `call`: an API's caller waits for the authorizer; two tries of a second.
 * - `interactive`: an admin waits for an answer; three tries.
 * - `background`: nobody waits; retry long and slow down when throttled (the SDK's adaptive mode).
 */
export type Patience = "call" | "interactive" | "background";

const settings: Record<Patience, DynamoDBClientConfig> = {
  call: { maxAttempts: 2, requestHandler: giveUpAfter(1000) },
  interactive: { maxAttempts: 3, requestHandler: giveUpAfter(5000) },
  background: { maxAttempts: 8, retryMode: "adaptive", requestHandler: giveUpAfter(10_000) },
};

/** The one place that makes a DynamoDB client; endpoint, region and credentials come from the environment. */
export function createDocumentClient(
  patience: Patience,
  overrides: DynamoDBClientConfig = {},
): DocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient({ ...settings[patience], ...overrides }), {
    // Numbers are doubles here and in JSON; the SDK would refuse those above 2^53, and read them as BigInt.
    marshallOptions: { removeUndefinedValues: true, allowImpreciseNumbers: true },
    unmarshallOptions: { wrapNumbers: Number },
  });
}
