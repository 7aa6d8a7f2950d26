import { DescribeLimitsCommand } from "@aws-sdk/client-dynamodb";
import { GetAccountSettingsCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import type { Target } from "../../shared/stack/open-stack.ts";

/** What the account allows in the region. An absent figure is unknown. */
export interface AccountLimits {
  /** Concurrent executions that functions without a reservation share. */
  readonly unreservedConcurrency?: number | undefined;
  /** Write units a second of one table, on demand or provisioned. */
  readonly tableWriteUnits?: number | undefined;
  /** Provisioned write units a second of all tables. */
  readonly accountWriteUnits?: number | undefined;
}

/** What the configuration asks for and the account does not allow, and what to do. */
export interface QuotaFault {
  readonly found: string;
  readonly advice: string;
}

/** Seconds that an environment of the authorizer is taken by a call, publishing included: docs/deploy.md#quotas-to-raise. */
const AUTHORIZER_SECONDS = 0.1;

/** Write units of a call in the busiest table. */
const WRITES_A_CALL = 2;

const RAISE_CONCURRENCY = "raise Lambda's quota Concurrent executions in Service Quotas";

/**
 * Compares the account's limits with what the configuration asks for, and with the calls that the protected APIs expect.
 *
 * @param callsPerSecond calls of all protected APIs at their peak. Without it, nothing is said about calls: the
 * throttle of the admin API says nothing about other APIs.
 */
export function quotaFaults(
  config: MonitoringConfig,
  limits: AccountLimits,
  callsPerSecond?: number,
): QuotaFault[] {
  const { unreservedConcurrency: unreserved, tableWriteUnits, accountWriteUnits } = limits;
  const { reservedConcurrency } = config.functions;
  const faults: QuotaFault[] = [];
  const ownConcurrency = reservedConcurrency.Authorizer ?? unreserved;
  const needed = Math.ceil((callsPerSecond ?? 0) * AUTHORIZER_SECONDS);
  if (ownConcurrency !== undefined && ownConcurrency < needed) {
    faults.push({
      found: `${callsPerSecond} calls a second take about ${needed} environments of the authorizer; it can have ${ownConcurrency}`,
      advice:
        reservedConcurrency.Authorizer === undefined
          ? RAISE_CONCURRENCY
          : "raise functions.reservedConcurrency.Authorizer",
    });
  }
  const { maxConcurrency } = config.subscriber;
  if (
    unreserved !== undefined &&
    reservedConcurrency.Subscriber === undefined &&
    unreserved <= maxConcurrency
  ) {
    faults.push({
      found: `the subscriber alone may take ${maxConcurrency} environments (subscriber.maxConcurrency), and functions without a reservation share ${unreserved}`,
      advice: `${RAISE_CONCURRENCY}, or lower subscriber.maxConcurrency`,
    });
  }
  const writes = (callsPerSecond ?? 0) * WRITES_A_CALL;
  if (
    tableWriteUnits !== undefined &&
    config.capacity.provisioned.events === undefined &&
    writes > tableWriteUnits
  ) {
    faults.push({
      found: `${callsPerSecond} calls a second write ${writes} units to a table; a table takes ${tableWriteUnits}`,
      advice: "raise DynamoDB's quota Table-level write throughput limit in Service Quotas",
    });
  }
  const provisioned = Object.entries(config.capacity.provisioned).flatMap(([table, capacity]) =>
    capacity ? [{ table, most: capacity.write.most }] : [],
  );
  for (const { table, most } of provisioned) {
    if (tableWriteUnits === undefined || most <= tableWriteUnits) continue;
    faults.push({
      found: `capacity.provisioned.${table}.write.most is ${most}; a table takes ${tableWriteUnits}`,
      advice: "raise DynamoDB's quota Table-level write throughput limit, or lower it",
    });
  }
  const all = provisioned.reduce((sum, { most }) => sum + most, 0);
  if (accountWriteUnits !== undefined && all > accountWriteUnits) {
    faults.push({
      found: `capacity.provisioned asks for up to ${all} write units; the account's tables take ${accountWriteUnits}`,
      advice: "raise DynamoDB's quota Account-level write throughput limit, or lower it",
    });
  }
  return faults;
}

/** Asks Lambda and DynamoDB for the account's limits. */
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
