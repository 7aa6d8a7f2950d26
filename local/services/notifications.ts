/** What was published to a topic. */
export interface Notification {
  readonly topic_arn: string;
  readonly subject: string;
  /** Text by protocol, `default` among them. */
  readonly message: Readonly<Record<string, string>>;
}

/** The latest notifications are kept; nobody is subscribed here. */
const KEPT = 1000;

/** Stands in for SNS: keeps what was published, for whoever asks the local front. */
export class Notifications {
  readonly #published: Notification[] = [];

  get list(): readonly Notification[] {
    return this.#published;
  }

  /** Takes one call of SNS's query protocol and answers its XML. */
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
