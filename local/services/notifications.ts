/** A message that was published to a topic. */
export interface Notification {
  readonly topic_arn: string;
  readonly subject: string;
  /** The text for each protocol, including `default`. */
  readonly message: Readonly<Record<string, string>>;
}

/** How many of the latest notifications are kept. Nobody is subscribed here. */
const KEPT = 1000;

/** A local SNS. It keeps what was published, and the local front shows it. */
export class Notifications {
  readonly #published: Notification[] = [];

  get list(): readonly Notification[] {
    return this.#published;
  }

  /** Takes one call of SNS's query protocol, and answers with XML. */
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
