import { DescribeLimitsCommand } from "@aws-sdk/client-dynamodb";
import { GetAccountSettingsCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import type { Target } from "../../shared/stack/open-stack.ts";

/** The account's limits in the region. Undefined means unknown. */
export interface AccountLimits {
  /** Concurrency shared by functions without reserved concurrency. */
  readonly unreservedConcurrency?: number | undefined;
  /** Write units per second of one table, on demand or provisioned. */
  readonly tableWriteUnits?: number | undefined;
  /** Provisioned write units per second of all tables. */
  readonly accountWriteUnits?: number | undefined;
}

/** A requirement that exceeds a limit, and how to fix it. */
interface QuotaError {
  readonly found: string;
  readonly advice: string;
}

/** Seconds that the authorizer spends on a call, including publishing: see docs/deploy.md#quotas-to-raise. */
const AUTHORIZER_SECONDS = 0.1;

/** Write units that a call consumes in the busiest table. */
const WRITES_A_CALL = 2;

const RAISE_CONCURRENCY = "request a higher Lambda quota Concurrent executions in Service Quotas";

/**
 * Compares the account's limits with the configuration and with the expected calls to the protected APIs.
 *
 * @param callsPerSecond peak rate of calls to all protected APIs. Without it, call-related quotas aren't checked,
 * because the admin API's throttle says nothing about other APIs.
 */
export function findQuotaErrors(
  config: MonitoringConfig,
  limits: AccountLimits,
  callsPerSecond?: number,
): QuotaError[] {
  const { unreservedConcurrency: unreserved, tableWriteUnits, accountWriteUnits } = limits;
  const { reservedConcurrency } = config.functions;
  const errors: QuotaError[] = [];
  const ownConcurrency = reservedConcurrency.Authorizer ?? unreserved;
  const needed = Math.ceil((callsPerSecond ?? 0) * AUTHORIZER_SECONDS);
  if (ownConcurrency !== undefined && ownConcurrency < needed) {
    errors.push({
      found: `${callsPerSecond} calls per second need about ${needed} concurrent authorizer environments, but the limit is ${ownConcurrency}`,
      advice:
        reservedConcurrency.Authorizer === undefined
          ? RAISE_CONCURRENCY
          : "increase functions.reservedConcurrency.Authorizer",
    });
  }
  const { maxConcurrency } = config.subscriber;
  if (
    unreserved !== undefined &&
    reservedConcurrency.Subscriber === undefined &&
    unreserved <= maxConcurrency
  ) {
    errors.push({
      found: `the subscriber may use ${maxConcurrency} concurrent environments (subscriber.maxConcurrency), but all functions without reserved concurrency share ${unreserved}`,
      advice: `${RAISE_CONCURRENCY}, or lower subscriber.maxConcurrency`,
    });
  }
  const writes = (callsPerSecond ?? 0) * WRITES_A_CALL;
  if (
    tableWriteUnits !== undefined &&
    config.capacity.provisioned.events === undefined &&
    writes > tableWriteUnits
  ) {
    errors.push({
      found: `${callsPerSecond} calls per second consume ${writes} write units on one table, but the limit is ${tableWriteUnits}`,
      advice:
        "request a higher DynamoDB quota Table-level write throughput limit in Service Quotas",
    });
  }
  const provisioned = Object.entries(config.capacity.provisioned).flatMap(([table, capacity]) =>
    capacity ? [{ table, max: capacity.write.max }] : [],
  );
  for (const { table, max } of provisioned) {
    if (tableWriteUnits === undefined || max <= tableWriteUnits) continue;
    errors.push({
      found: `capacity.provisioned.${table}.write.max is ${max}, but the limit for a table is ${tableWriteUnits}`,
      advice: "lower it, or request a higher DynamoDB quota Table-level write throughput limit",
    });
  }
  const totalWriteUnits = provisioned.reduce((sum, { max }) => sum + max, 0);
  if (accountWriteUnits !== undefined && totalWriteUnits > accountWriteUnits) {
    errors.push({
      found: `capacity.provisioned allows up to ${totalWriteUnits} write units in total, but the account's limit is ${accountWriteUnits}`,
      advice: "lower it, or request a higher DynamoDB quota Account-level write throughput limit",
    });
  }
  return errors;
}

/** Reads the account's limits from Lambda and DynamoDB. */
export async function readAccountLimits(target: Target): Promise<AccountLimits> {
  const [settings, tables] = await Promise.all([
    new LambdaClient({ ...target.messaging }).send(new GetAccountSettingsCommand({})),
    target.db.send(new DescribeLimitsCommand({})),
  ]);
  return {
    unreservedConcurrency: settings.AccountLimit?.UnreservedConcurrentExecutions,
    tableWriteUnits: tables.TableMaxWriteCapacityUnits,
    accountWriteUnits: tables.AccountMaxWriteCapacityUnits,
  };
}
