import { RemovalPolicy } from "aws-cdk-lib";
import {
  type Attribute,
  AttributeType,
  ProjectionType,
  Table,
  TableEncryption,
} from "aws-cdk-lib/aws-dynamodb";
import { type IKey, Key } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import type { CapacityParameters } from "../../shared/config/capacity-parameters.ts";
import {
  forEachTable,
  type IndexDefinition,
  TABLES,
  type TableDefinition,
  type TableVariable,
  tableConstructId,
} from "../../shared/core/tables.ts";

import { capacityProps, scaleCapacity } from "./table-capacity.ts";

export type { TableVariable };

const text = (name: string): Attribute => ({ name, type: AttributeType.STRING });
const number = (name: string): Attribute => ({ name, type: AttributeType.NUMBER });

function projection(index: IndexDefinition) {
  if (typeof index.projection === "string") {
    return { projectionType: ProjectionType[index.projection] };
  }
  return { projectionType: ProjectionType.INCLUDE, nonKeyAttributes: [...index.projection] };
}

/**
 * CDK removal policies by configuration value. If the first deployment fails, CloudFormation deletes even retained
 * resources, because they contain no data yet.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
 */
export const REMOVAL_POLICIES = {
  retain: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  destroy: RemovalPolicy.DESTROY,
} as const;

export interface DataProps {
  /** Removal policy of the tables and the key. */
  readonly removalPolicy: RemovalPolicy;
  /**
   * Encrypts the tables.
   *
   * @default - a new key that rotates every year
   */
  readonly encryptionKey?: IKey | undefined;
  /** Billing and capacity of the tables. */
  readonly capacity: CapacityParameters;
}

/** The tables that `shared/core/tables.ts` defines, encrypted with a customer managed key. */
export class Data extends Construct {
  readonly key: IKey;
  readonly tables: Readonly<Record<TableVariable, Table>>;

  constructor(scope: Construct, id: string, props: DataProps) {
    super(scope, id);
    const { removalPolicy, encryptionKey, capacity } = props;
    this.key =
      encryptionKey ??
      new Key(this, "Key", {
        description: "Encrypts the OAuth monitoring tables and queues",
        enableKeyRotation: true,
        removalPolicy,
      });

    const isRetained = removalPolicy !== RemovalPolicy.DESTROY;
    const create = (variable: TableVariable): Table => {
      const definition: TableDefinition = TABLES[variable];
      const paid = capacityProps(variable, capacity);
      const { readCapacity, writeCapacity } = paid;
      const table = new Table(this, tableConstructId(variable), {
        partitionKey: text(definition.partitionKey),
        ...(definition.sortKey === undefined ? {} : { sortKey: text(definition.sortKey) }),
        ...paid,
        timeToLiveAttribute: definition.ttlAttribute,
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        encryption: TableEncryption.CUSTOMER_MANAGED,
        encryptionKey: this.key,
        deletionProtection: isRetained,
        // Retained even if the first deployment fails: deletion protection would make a rollback that deletes the table
        // fail.
        removalPolicy: isRetained ? RemovalPolicy.RETAIN : removalPolicy,
      });
      for (const [indexName, index] of Object.entries(definition.indexes)) {
        table.addGlobalSecondaryIndex({
          indexName,
          partitionKey: text(index.partitionKey),
          ...(index.sortKey === undefined
            ? {}
            : { sortKey: (index.sortKeyType === "N" ? number : text)(index.sortKey) }),
          ...projection(index),
          ...(readCapacity !== undefined && { readCapacity, writeCapacity }),
        });
      }
      scaleCapacity(table, variable, Object.keys(definition.indexes), capacity);
      return table;
    };
    this.tables = forEachTable((variable) => variable, create);
  }
}
