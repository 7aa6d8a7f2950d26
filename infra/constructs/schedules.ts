import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";

export interface SchedulesProps {
  readonly config: MonitoringConfig;
  readonly cleanup: IFunction;
  readonly anomalies: IFunction;
  /** Fetches security events from other systems. Undefined if none are polled. */
  readonly signalPoller: IFunction | undefined;
}

/** The schedules. Each rule's construct ID is the schedule's name. */
export class Schedules extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { config, cleanup, anomalies, signalPoller }: SchedulesProps,
  ) {
    super(scope, id);
    new Rule(this, "Anomalies", {
      description: "Runs the anomaly detection",
      schedule: Schedule.rate(Duration.minutes(config.anomalies.everyMinutes)),
      targets: [new LambdaFunction(anomalies, { retryAttempts: 0 })],
    });
    new Rule(this, "Cleanup", {
      description: "Deletes expired tokens, codes, sessions and events",
      schedule: Schedule.rate(Duration.minutes(config.cleanup.everyMinutes)),
      // If a run fails, the next run does its work. A retry would only run in parallel.
      targets: [new LambdaFunction(cleanup, { retryAttempts: 0 })],
    });
    if (signalPoller) {
      new Rule(this, "SignalPoll", {
        description: "Polls Security Event Tokens from other systems",
        schedule: Schedule.rate(Duration.minutes(config.signals?.receiver?.pollEveryMinutes ?? 1)),
        targets: [new LambdaFunction(signalPoller, { retryAttempts: 0 })],
      });
    }
  }
}
