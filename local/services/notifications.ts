import { ServiceError } from "./service-error.ts";
import { findInputErrors } from "./service-model.ts";

/** A message that was published to a topic. */
export interface Notification {
  readonly topic_arn: string;
  readonly subject: string;
  /** Text for each protocol, including `default`. */
  readonly message: Readonly<Record<string, string>>;
}

/** A subscription to a topic. */
export interface Subscription {
  readonly protocol: string;
  readonly endpoint: string;
  readonly confirmed: boolean;
}

/** Maximum number of notifications to keep. The local SNS does not deliver them. */
const KEPT = 1000;

/** Parses the input of Publish from its form. */
function parseForm(form: URLSearchParams): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  const attributes: Record<string, Record<string, string>> = {};
  for (const [name, value] of form) {
    const [, number, member] = /^MessageAttributes\.entry\.(\d+)\.Value\.(\w+)$/.exec(name) ?? [];
    if (number && member) {
      const key = form.get(`MessageAttributes.entry.${number}.Name`) ?? number;
      attributes[key] = { ...attributes[key], [member]: value };
    } else if (!/^(Action|Version)$|\./.test(name)) input[name] = value;
  }
  return Object.keys(attributes).length > 0 ? { ...input, MessageAttributes: attributes } : input;
}

/** Whether a message with `MessageStructure: json` has a default text. */
function hasDefault(message: string): boolean {
  try {
    return typeof JSON.parse(message)?.default === "string";
  } catch {
    return false;
  }
}

/** Returns why SNS rejects a message, or undefined if it accepts it. */
export function findPublishRejection(form: URLSearchParams): ServiceError | undefined {
  const reject = (reason: string) =>
    new ServiceError("InvalidParameter", `Invalid parameter: ${reason}`);
  const [error] = findInputErrors("Publish", parseForm(form));
  if (error) return reject(`${error.path} Reason: ${error.expected}`);
  if (!form.get("TopicArn"))
    return reject("TopicArn or TargetArn Reason: no value for required parameter");
  const isJson = form.get("MessageStructure") === "json";
  if (isJson && !hasDefault(form.get("Message") ?? "")) {
    return reject("Message Structure - No default entry in JSON message body");
  }
  return undefined;
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Formats an error in SNS's query protocol. */
export function errorXml({ code, message }: ServiceError): string {
  const text = message.replace(/[&<>]/g, (character) => ESCAPES[character] ?? "");
  return `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${text}</Message></Error><RequestId>${crypto.randomUUID()}</RequestId></ErrorResponse>`;
}

/** A local SNS. Keeps published messages, which the local routes show. */
export class Notifications {
  readonly #published: Notification[] = [];
  /** Set by tests. */
  subscriptions: readonly Subscription[] = [];

  get list(): readonly Notification[] {
    return this.#published;
  }

  /** Returns the XML response of ListSubscriptionsByTopic. */
  listSubscriptions(form: URLSearchParams): string {
    const topicArn = form.get("TopicArn") ?? "";
    const members = this.subscriptions.map(({ protocol, endpoint, confirmed }, index) => {
      const arn = confirmed ? `${topicArn}:${index}` : "PendingConfirmation";
      return `<member><TopicArn>${topicArn}</TopicArn><Protocol>${protocol}</Protocol><SubscriptionArn>${arn}</SubscriptionArn><Owner>000000000000</Owner><Endpoint>${endpoint}</Endpoint></member>`;
    });
    return `<ListSubscriptionsByTopicResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ListSubscriptionsByTopicResult><Subscriptions>${members.join("")}</Subscriptions></ListSubscriptionsByTopicResult><ResponseMetadata><RequestId>${crypto.randomUUID()}</RequestId></ResponseMetadata></ListSubscriptionsByTopicResponse>`;
  }

  /** Handles a Publish call of SNS's query protocol and returns the XML response. */
  publish(form: URLSearchParams): string {
    const text = form.get("Message") ?? "";
    const structured = form.get("MessageStructure") === "json";
    this.#published.push({
      topic_arn: form.get("TopicArn") ?? "",
      subject: form.get("Subject") ?? "",
      message: structured ? JSON.parse(text) : { default: text },
    });
    if (this.#published.length > KEPT) this.#published.shift();
    const id = crypto.randomUUID();
    return `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>${id}</MessageId></PublishResult><ResponseMetadata><RequestId>${id}</RequestId></ResponseMetadata></PublishResponse>`;
  }
}
