import type { EventBus } from "aws-cdk-lib/aws-events";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { TABLES } from "../../shared/core/tables.ts";
import type { Data, TableVariable } from "./data.ts";

/** DynamoDB actions on a table and its indexes. */
export interface TableAccess {
  readonly table?: readonly string[];
  readonly indexes?: readonly string[];
  /**
   * The indexes to grant access to.
   *
   * @default - all indexes
   */
  readonly only?: readonly string[];
}

/** Access by table. */
export type TablesAccess = Partial<Record<TableVariable, TableAccess>>;

/** Table access needed to authorize calls. */
export const AUTHORIZING = {
  TOKENS_TABLE: { table: ["GetItem", "UpdateItem"] },
  SESSIONS_TABLE: { table: ["GetItem"] },
  CREDENTIALS_TABLE: { table: ["PutItem"] },
  DENY_LIST_TABLE: { table: ["GetItem", "Query"] },
} as const satisfies TablesAccess;

/** Table access needed to take an action. */
export const ACTING = {
  TOKENS_TABLE: {
    table: ["BatchGetItem", "UpdateItem"],
    indexes: ["Query"],
    only: ["by_token_id"],
  },
  SESSIONS_TABLE: { table: ["BatchGetItem", "DeleteItem"] },
  CREDENTIALS_TABLE: { table: ["Query", "UpdateItem"] },
  ACTIONS_TABLE: { table: ["GetItem", "PutItem"] },
  DENY_LIST_TABLE: { table: ["DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"] },
} as const satisfies TablesAccess;

/** Table access needed to take an action against any target, including all principals at the same time. */
export const ACTING_ON_ALL = {
  ...ACTING,
  TOKENS_TABLE: { ...ACTING.TOKENS_TABLE, only: ["by_token_id", "by_expiry"] },
  SESSIONS_TABLE: { ...ACTING.SESSIONS_TABLE, indexes: ["Query"], only: ["by_expiry"] },
} as const satisfies TablesAccess;

/** Actions that encrypt with the table's key. */
const WRITES: ReadonlySet<string> = new Set(["PutItem", "UpdateItem", "DeleteItem"]);

/** Key actions for readers, the same as in CDK's own grants. */
export const KEY_READS = ["kms:Decrypt", "kms:DescribeKey"];

/** Key actions for writers. CDK's own grants use wildcards instead. */
export const KEY_WRITES = [
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
];

/** Grants the given actions on the tables, and the key actions that those need. */
export function grantTables(data: Data, grantee: IGrantable, access: TablesAccess): Grant {
  const grant = (actions: readonly string[], resourceArns: string[]) =>
    Grant.addToPrincipal({
      grantee,
      actions: actions.map((action) => `dynamodb:${action}`),
      resourceArns,
    });
  const grants = Object.entries(access).flatMap(
    ([name, { table: tableActions = [], indexes = [], only }]) => {
      const { tableArn } = data.tables[name as TableVariable];
      const names = only ?? Object.keys(TABLES[name as TableVariable].indexes);
      return [
        ...(tableActions.length > 0 ? [grant(tableActions, [tableArn])] : []),
        ...(indexes.length > 0
          ? [
              grant(
                indexes,
                names.map((index) => `${tableArn}/index/${index}`),
              ),
            ]
          : []),
      ];
    },
  );
  const writes = Object.values(access).some(({ table = [] }) =>
    table.some((action) => WRITES.has(action)),
  );
  const key = data.key.grant(grantee, ...KEY_READS, ...(writes ? KEY_WRITES : []));
  return grants.reduce((combined, each) => combined.combine(each), key);
}

/**
 * Grants what is needed to validate other issuers' tokens: reading revocations and the secrets for introspection.
 */
export function grantIssuers(
  { tables }: Data,
  grantee: IGrantable,
  { issuers }: Pick<MonitoringConfig, "issuers">,
): Grant[] {
  if (issuers.length === 0) return [];
  const read = Grant.addToPrincipal({
    grantee,
    actions: ["dynamodb:BatchGetItem"],
    resourceArns: [tables.TOKENS_TABLE.tableArn],
  });
  const secrets = grantSecrets(
    grantee,
    issuers.map(({ introspection }) => introspection?.secretArn),
  );
  return secrets ? [read, secrets] : [read];
}

/** Grants read access to secrets in Secrets Manager. */
export function grantSecrets(
  grantee: IGrantable,
  arns: readonly (string | undefined)[],
): Grant | undefined {
  const resourceArns = [...new Set(arns.filter((arn) => arn !== undefined))];
  if (resourceArns.length === 0) return undefined;
  const actions = ["secretsmanager:GetSecretValue"];
  return Grant.addToPrincipal({ grantee, actions, resourceArns });
}

/** Grants read access to the secret for DPoP nonces. */
export function grantDpopNonces(
  grantee: IGrantable,
  { issuers, dpop }: Pick<MonitoringConfig, "issuers" | "dpop">,
): Grant | undefined {
  return grantSecrets(grantee, issuers.length > 0 ? [dpop.nonce?.secretArn] : []);
}

/** Grants `events:PutEvents` on the bus. */
export function grantPublish(bus: EventBus, grantee: IGrantable): Grant {
  const resourceArns = [bus.eventBusArn];
  return Grant.addToPrincipal({ grantee, actions: ["events:PutEvents"], resourceArns });
}

/** Grants `sqs:SendMessage` on a queue. */
export function grantSend(grantee: IGrantable, queue: Queue): Grant {
  const resourceArns = [queue.queueArn];
  return Grant.addToPrincipal({ grantee, actions: ["sqs:SendMessage"], resourceArns });
}

/**
 * Grants `sns:Publish` on a topic, which may have its own key. Doesn't use CDK's grant on the key, because it contains
 * a wildcard.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
 */
export function grantNotify(grantee: IGrantable, topic: ITopic): void {
  const resourceArns = [topic.topicArn];
  Grant.addToPrincipal({ grantee, actions: ["sns:Publish"], resourceArns });
  topic.masterKey?.grant(grantee, "kms:Decrypt", "kms:GenerateDataKey");
}
