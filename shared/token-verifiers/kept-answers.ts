/** Answers of an issuer by the digest of the token, in memory: at most so many, each until its end. */
export class KeptAnswers<Answer> {
  readonly #answers = new Map<string, { readonly answer: Answer; readonly untilMs: number }>();

  constructor(private readonly most: number) {}

  find(key: string, atMs: number): Answer | undefined {
    const kept = this.#answers.get(key);
    return kept && atMs < kept.untilMs ? kept.answer : undefined;
  }

  /** Keeps an answer. When there are too many, the oldest goes. */
  keep(key: string, answer: Answer, untilMs: number): void {
    this.#answers.delete(key);
    this.#answers.set(key, { answer, untilMs });
    if (this.#answers.size <= this.most) return;
    const [oldest] = this.#answers.keys();
    this.#answers.delete(oldest as string);
  }
}
