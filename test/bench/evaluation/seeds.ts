/** Purpose of a seed. Rules may be tuned on `train`; `test` is only for the published report. */
export type SeedPurpose = "train" | "test";

/** A seed with its purpose, so that a function for one purpose cannot take a seed meant for the other purpose. */
export interface EvaluationSeed<Purpose extends SeedPurpose = SeedPurpose> {
  readonly purpose: Purpose;
  readonly number: number;
}

/** Returns the seeds for developing rules. */
export function trainSeeds(): readonly EvaluationSeed<"train">[] {
  return [101, 102, 103, 104, 105].map((number) => ({ purpose: "train", number }));
}

/** Returns the seeds for the published report. Never tune a rule on traffic from these seeds. */
export function testSeeds(): readonly EvaluationSeed<"test">[] {
  return [901, 902].map((number) => ({ purpose: "test", number }));
}
