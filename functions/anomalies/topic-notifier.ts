import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import type { Logger } from "../../shared/core/telemetry.ts";
import { alertNotification } from "../../shared/detection/alert-notification.ts";
import type { AlertNotifier } from "../../shared/detection/detect-anomalies.ts";
import type { Action } from "../../shared/response/action.ts";
import { proposalNotification } from "../../shared/response/notify-proposals.ts";
import type { LinkMaker } from "../runtime/approval-links.ts";

/** Publishes an action that awaits approval, with instructions. Sets the message attribute `state` to `proposed`. */
export function proposalNotifier(
  sns: SNSClient,
  topicArn: string,
  makeLink: LinkMaker,
  logger: Logger,
): (action: Action) => Promise<void> {
  return async (action) => {
    const link = await makeLink(action, "topic").catch((error: unknown) => {
      // The notification is sent anyway, because it is useful without a link.
      logger.error("A proposed action has no approval link", {
        action_id: action.action_id,
        cause: String(error),
      });
      return undefined;
    });
    const { subject, text, json } = proposalNotification(action, link);
    await sns.send(
      new PublishCommand({
        TopicArn: topicArn,
        Subject: subject,
        MessageStructure: "json",
        Message: JSON.stringify({ default: text, sqs: json, lambda: json, https: json }),
        MessageAttributes: { state: { DataType: "String", StringValue: action.state } },
      }),
    );
  };
}

/**
 * Publishes an alert to the topic, as text for people and as JSON for programs. Subscription filters can use the
 * attributes `state`, `rule`, `risk` and `oauth_client_id`.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
 */
export function topicNotifier(sns: SNSClient, topicArn: string): AlertNotifier {
  return async (alert) => {
    const { subject, text, json } = alertNotification(alert);
    const attribute = (value: string) => ({ DataType: "String", StringValue: value });
    await sns.send(
      new PublishCommand({
        TopicArn: topicArn,
        Subject: subject,
        MessageStructure: "json",
        Message: JSON.stringify({ default: text, sqs: json, lambda: json, https: json }),
        MessageAttributes: {
          state: attribute(alert.state),
          rule: attribute(alert.rule),
          risk: attribute(alert.risk),
          ...(alert.oauth_client_id !== undefined && {
            oauth_client_id: attribute(alert.oauth_client_id),
          }),
        },
      }),
    );
  };
}
