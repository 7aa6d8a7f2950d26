import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";

/** The properties of an alarm that have no default here. */
export type NewAlarmProps = Pick<AlarmProps, "metric" | "threshold"> & {
  readonly alarmDescription: string;
} & Partial<AlarmProps>;

/** Creates an alarm that goes off at the threshold, and notifies the topic then and when it is OK again. */
export function createAlarm(
  scope: Construct,
  id: string,
  topic: ITopic,
  props: NewAlarmProps,
): Alarm {
  const alarm = new Alarm(scope, id, {
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    ...props,
  });
  const action = new SnsAction(topic);
  alarm.addAlarmAction(action);
  alarm.addOkAction(action);
  return alarm;
}
