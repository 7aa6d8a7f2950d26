import { Duration } from "aws-cdk-lib";
import type { RestApi } from "aws-cdk-lib/aws-apigateway";
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import type { MonitoringConfig } from "../../shared/config/monitoring-config.ts";
import type { EventFlow } from "./event-flow.ts";

/** What the alarms watch, and whom they tell. */
export interface AlarmsProps {
  readonly config: MonitoringConfig;
  readonly flow: EventFlow;
  readonly subscriber: IFunction;
  readonly purge: IFunction;
  readonly topic: ITopic;
}

/** Alarms of the parts that nobody looks at while they work. */
export class Alarms extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: AlarmsProps,
  ) {
    super(scope, id);
    const { config, flow, subscriber, purge, topic } = props;
    // A topic's own policy, once it has one, takes the place of what lets alarms publish.
    topic.grantPublish(new ServicePrincipal("cloudwatch.amazonaws.com"));
    const period = Duration.minutes(5);
    this.#alarm(
      "DeadLetters",
      "Events could not be stored: read the reason in the dead-letter queue, mend it, redrive",
      flow.deadLetters.metricApproximateNumberOfMessagesVisible({ period, statistic: "Maximum" }),
      config.alarms.deadLetters,
    );
    this.#alarm(
      "Unpublishable",
      "Events were set aside and the bus never took them: mend the bus, redrive to the unpublished queue",
      flow.unpublishable.metricApproximateNumberOfMessagesVisible({ period, statistic: "Maximum" }),
      config.alarms.deadLetters,
    );
    for (const [name, queue] of [
      ["BufferAge", flow.buffer],
      ["UnpublishedAge", flow.unpublished],
    ] as const) {
      this.#alarm(
        name,
        "Events wait too long: look for throttling of the tables, errors of the function, or a bus that is down",
        queue.metricApproximateAgeOfOldestMessage({ period, statistic: "Maximum" }),
        config.alarms.bufferAgeSeconds,
      );
    }
    this.#alarm(
      "SubscriberErrors",
      "The subscriber fails as a whole; its batches are delivered again",
      subscriber.metricErrors({ period, statistic: "Sum" }),
      1,
    );
    this.#alarm(
      "PurgeErrors",
      "A purge run failed: see GET /admin/oauth/cleanup-runs",
      purge.metricErrors({ period, statistic: "Sum" }),
      1,
    );
    const twoRuns = Duration.minutes(2 * config.purge.everyMinutes);
    new Alarm(this, "PurgeNotRun", {
      alarmDescription: "No purge ran in two periods: look at its schedule",
      metric: purge.metricInvocations({ period: twoRuns, statistic: "Sum" }),
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.BREACHING,
    }).addAlarmAction(new SnsAction(props.topic));
  }

  /** Watches an API that the authorizer protects, from the API's own stack. */
  watchApi(api: RestApi): void {
    this.#alarm(
      "OAuthServerErrors",
      "The API answers 5XX; 503 means that the token store does not answer and callers are refused",
      api.metricServerError({ period: Duration.minutes(5), statistic: "Sum" }),
      this.props.config.alarms.apiServerErrors,
      api,
    );
  }

  #alarm(
    name: string,
    alarmDescription: string,
    metric: IMetric,
    threshold: number,
    scope: Construct = this,
  ): void {
    new Alarm(scope, name, {
      alarmDescription,
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }).addAlarmAction(new SnsAction(this.props.topic));
  }
}
