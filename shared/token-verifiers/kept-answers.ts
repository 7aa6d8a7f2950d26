/** In-memory cache for an issuer's responses, by token digest. It has a maximum size, and each entry has an expiry. */
export class KeptAnswers<Answer> {
  readonly #answers = new Map<string, { readonly answer: Answer; readonly untilMs: number }>();

  constructor(private readonly most: number) {}

  find(key: string, atMs: number): Answer | undefined {
    const kept = this.#answers.get(key);
    return kept && atMs < kept.untilMs ? kept.answer : undefined;
  }

  /** Caches a response. Evicts the oldest response if the cache is full. */
  keep(key: string, answer: Answer, untilMs: number): void {
    this.#answers.delete(key);
    this.#answers.set(key, { answer, untilMs });
    if (this.#answers.size <= this.most) return;
    const [oldest] = this.#answers.keys();
    this.#answers.delete(oldest as string);
  }
}
