import type { Access } from "./access-policies.ts";
import { getArn } from "./template.ts";

type Input = Readonly<Record<string, unknown>>;

const tableArn = (table: unknown) => getArn("dynamodb", `table/${String(table)}`);

/** The action that each kind of transaction item needs. */
const TRANSACTED = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
  Get: "GetItem",
} as const;

function ofDynamoDb(operation: string, input: Input): Access[] {
  const action = `dynamodb:${operation}`;
  const tables = (of: unknown) =>
    Object.keys((of ?? {}) as Input).map((table) => ({ action, resource: tableArn(table) }));
  if (operation.startsWith("Batch")) return tables(input.RequestItems);
  if (operation.startsWith("Transact")) {
    // A transaction needs only the permissions for its items.
    return (input.TransactItems as readonly Record<string, { TableName: string }>[]).flatMap(
      (item) =>
        Object.entries(item).map(([member, { TableName }]) => ({
          action: `dynamodb:${TRANSACTED[member as keyof typeof TRANSACTED]}`,
          resource: tableArn(TableName),
        })),
    );
  }
  const table = tableArn(input.TableName);
  const { IndexName } = input;
  return [{ action, resource: IndexName === undefined ? table : `${table}/index/${IndexName}` }];
}

/**
 * Returns the permissions that a call to DynamoDB, EventBridge, SQS, Secrets Manager or KMS needs.
 *
 * @param target the call's `X-Amz-Target`, such as `DynamoDB_20120810.Query` or `AmazonSQS.SendMessage`
 */
export function requestedAccess(target: string, input: Input): Access[] {
  const [service = "", operation = ""] = target.split(".");
  if (service.startsWith("DynamoDB")) return ofDynamoDb(operation, input);
  if (service === "AWSEvents" && operation !== "PutEvents") {
    const resource = String(input.EventSourceArn ?? input.ReplayName ?? input.Name);
    return [{ action: `events:${operation}`, resource }];
  }
  if (service === "AWSEvents") {
    const entries = (input.Entries ?? []) as readonly { readonly EventBusName?: string }[];
    return entries.map(({ EventBusName = "default" }) => ({
      action: `events:${operation}`,
      resource: getArn("events", `event-bus/${EventBusName}`),
    }));
  }
  if (service === "secretsmanager") {
    return [{ action: `secretsmanager:${operation}`, resource: String(input.SecretId) }];
  }
  if (service === "TrentService") {
    return [{ action: `kms:${operation}`, resource: String(input.KeyId) }];
  }
  const queue = String(input.QueueUrl).split("/").at(-1) ?? "";
  return [{ action: `sqs:${operation.replace(/Batch$/, "")}`, resource: getArn("sqs", queue) }];
}

/** Returns the permissions that a call in SNS's query protocol needs. */
export function requestedNotification(form: URLSearchParams): Access[] {
  return [{ action: `sns:${form.get("Action")}`, resource: form.get("TopicArn") ?? "" }];
}
