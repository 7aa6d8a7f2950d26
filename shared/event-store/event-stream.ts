import { QueryCommand, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "../dynamodb/document-client.ts";

/** One partition of an index, read newest first, a page at a time. */
export class EventStream {
  readonly #buffer: Record<string, unknown>[] = [];
  #startKey: Record<string, unknown> | undefined;
  #exhausted = false;

  constructor(
    private readonly db: DocumentClient,
    private readonly input: QueryCommandInput,
  ) {}

  /** The newest event not yet taken, once it has been read. */
  get head(): Record<string, unknown> | undefined {
    return this.#buffer[0];
  }

  /** Whether the head can only be known by reading on. */
  get mustRead(): boolean {
    return this.#buffer.length === 0 && !this.#exhausted;
  }

  /** Whether there may be more. */
  get hasMore(): boolean {
    return this.#buffer.length > 0 || !this.#exhausted;
  }

  /** The place up to which a stream without a head has been read, if it has been read at all. */
  get readTo(): string | undefined {
    return this.#startKey?.occurred_at_id as string | undefined;
  }

  async read(): Promise<void> {
    const page = await this.db.send(
      new QueryCommand({ ...this.input, ExclusiveStartKey: this.#startKey }),
    );
    this.#buffer.push(...(page.Items ?? []));
    this.#startKey = page.LastEvaluatedKey;
    this.#exhausted = page.LastEvaluatedKey === undefined;
  }

  take(): Record<string, unknown> | undefined {
    return this.#buffer.shift();
  }
}
