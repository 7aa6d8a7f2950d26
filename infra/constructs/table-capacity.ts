import { BillingMode, type Table, TableClass, type TableProps } from "aws-cdk-lib/aws-dynamodb";
import type {
  CapacityParameters,
  ProvisionedCapacity,
} from "../../shared/config/capacity-parameters.ts";
import type { TableVariable } from "../../shared/core/tables.ts";

/** Tables that support provisioned capacity, with their names in the configuration. */
const PROVISIONED: Partial<Record<TableVariable, keyof CapacityParameters["provisioned"]>> = {
  TOKENS_TABLE: "tokens",
  EVENTS_TABLE: "events",
  COUNTERS_TABLE: "counters",
};

/** Tables that grow with the traffic. */
const LARGE: ReadonlySet<TableVariable> = new Set(["EVENTS_TABLE", "COUNTERS_TABLE"]);

function getProvisionedThroughput(
  variable: TableVariable,
  { provisioned }: CapacityParameters,
): ProvisionedCapacity | undefined {
  const name = PROVISIONED[variable];
  return name && provisioned[name];
}

/** Returns the billing properties of a table. */
export function capacityProps(
  variable: TableVariable,
  capacity: CapacityParameters,
): Pick<TableProps, "billingMode" | "readCapacity" | "writeCapacity" | "tableClass"> {
  const provisioned = getProvisionedThroughput(variable, capacity);
  const infrequent = capacity.tableClass === "standard_infrequent_access" && LARGE.has(variable);
  return {
    ...(infrequent && { tableClass: TableClass.STANDARD_INFREQUENT_ACCESS }),
    ...(provisioned
      ? {
          billingMode: BillingMode.PROVISIONED,
          readCapacity: provisioned.read.min,
          writeCapacity: provisioned.write.min,
        }
      : { billingMode: BillingMode.PAY_PER_REQUEST }),
  };
}

/** Adds auto scaling to a provisioned table and its indexes. */
export function scaleCapacity(
  table: Table,
  variable: TableVariable,
  indexNames: readonly string[],
  capacity: CapacityParameters,
): void {
  const provisioned = getProvisionedThroughput(variable, capacity);
  if (!provisioned) return;
  const { read, write, targetUtilizationPercent } = provisioned;
  const reads = { minCapacity: read.min, maxCapacity: read.max };
  const writes = { minCapacity: write.min, maxCapacity: write.max };
  const scalings = [
    table.autoScaleReadCapacity(reads),
    table.autoScaleWriteCapacity(writes),
    ...indexNames.flatMap((indexName) => [
      table.autoScaleGlobalSecondaryIndexReadCapacity(indexName, reads),
      table.autoScaleGlobalSecondaryIndexWriteCapacity(indexName, writes),
    ]),
  ];
  for (const scaling of scalings) scaling.scaleOnUtilization({ targetUtilizationPercent });
}
