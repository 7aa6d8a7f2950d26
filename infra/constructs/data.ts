import { RemovalPolicy } from "aws-cdk-lib";
import {
  type Attribute,
  AttributeType,
  type ITable,
  ProjectionType,
  Table,
  TableEncryption,
} from "aws-cdk-lib/aws-dynamodb";
import { type IKey, Key } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import type { CapacityParameters } from "../../shared/config/capacity-parameters.ts";
import {
  forEachTable,
  type TableVariable,
  tableConstructId,
} from "../../shared/core/table-names.ts";
import { type IndexDefinition, TABLES, type TableDefinition } from "../../shared/core/tables.ts";

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
 * CDK's removal policy for each value of the configuration. A first deployment that fails has no data to
 * retain, and CloudFormation removes what it made.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
 */
export const REMOVAL_POLICY_OF = {
  retain: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  destroy: RemovalPolicy.DESTROY,
} as const;

export interface DataProps {
  /** What happens to tables and key when the stack is deleted. */
  readonly removalPolicy: RemovalPolicy;
  /** @default - a new key that rotates every year */
  readonly encryptionKey?: IKey | undefined;
  /** @default - there is no events table from before packs */
  readonly previousEventsTable?: string | undefined;
  /** How the tables are paid for. */
  readonly capacity: CapacityParameters;
}

/** The tables that `shared/core/tables.ts` defines, under a customer managed key. */
export class Data extends Construct {
  readonly key: IKey;
  readonly tables: Readonly<Record<TableVariable, Table>>;
  /** The events table of a deployment from before packs. */
  readonly previousEvents: ITable | undefined;

  constructor(scope: Construct, id: string, props: DataProps) {
    super(scope, id);
    const { removalPolicy, encryptionKey, previousEventsTable, capacity } = props;
    this.previousEvents =
      previousEventsTable === undefined
        ? undefined
        : Table.fromTableName(this, "PreviousEvents", previousEventsTable);
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
        // CloudFormation cannot delete a protected table, and a rollback that tries to is stuck.
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
