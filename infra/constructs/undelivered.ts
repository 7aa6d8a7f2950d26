import { Duration, Fn } from "aws-cdk-lib";
import { Metric, type MetricOptions } from "aws-cdk-lib/aws-cloudwatch";
import type { CfnRule, Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { createAlarm } from "./create-alarm.ts";

/** A rule's target that EventBridge tries for as long as it can, and then puts the event aside. */
export function patientTarget(queue: Queue, deadLetterQueue: Queue): SqsQueue {
  return new SqsQueue(queue, {
    deadLetterQueue,
    maxEventAge: Duration.hours(24),
    retryAttempts: 185,
  });
}

/**
 * How many of a rule's events neither a target nor its dead-letter queue took, and are lost. CDK's own metrics leave
 * out the bus, and its name of a rule on another bus than the default one begins with the bus.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
 */
export function droppedEvents(rule: Rule, options: MetricOptions): Metric {
  const { attrArn, eventBusName } = rule.node.defaultChild as CfnRule;
  // rule/NAME, rule/BUS/NAME, or a partner's rule/aws.partner/example.com/BUS/NAME.
  const index = eventBusName === undefined ? 1 : 1 + eventBusName.split("/").length;
  return new Metric({
    namespace: "AWS/Events",
    metricName: "InvocationsFailedToBeSentToDlq",
    dimensionsMap: {
      ...(eventBusName !== undefined && { EventBusName: eventBusName }),
      RuleName: Fn.select(index, Fn.split("/", attrArn)),
    },
    ...options,
  });
}

/** Tells people when something lies in a queue of what could not be delivered. */
export function alarmUndelivered(
  scope: Construct,
  queue: Queue,
  alarmDescription: string,
  alarmTopic: ITopic | undefined,
): void {
  if (!alarmTopic) return;
  createAlarm(scope, "NotDelivered", alarmTopic, {
    alarmDescription,
    metric: queue.metricApproximateNumberOfMessagesVisible({
      period: Duration.minutes(5),
      statistic: "Maximum",
    }),
    threshold: 1,
  });
}
