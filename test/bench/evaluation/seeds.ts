/** What a seed is for: rules may be tuned on `train`; `test` is for the published report alone. */
export type SeedPurpose = "train" | "test";

/** A seed that carries its purpose, so that a function of one purpose cannot take the other's. */
export interface EvaluationSeed<Purpose extends SeedPurpose = SeedPurpose> {
  readonly purpose: Purpose;
  readonly number: number;
}

/** The seeds to look at while a rule is written. */
export function trainSeeds(): readonly EvaluationSeed<"train">[] {
  return [101, 102, 103, 104, 105].map((number) => ({ purpose: "train", number }));
}

/** The seeds of the report. Never tune a rule on their traffic. */
export function testSeeds(): readonly EvaluationSeed<"test">[] {
  return [901, 902].map((number) => ({ purpose: "test", number }));
}
