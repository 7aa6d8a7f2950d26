import { describeDifferential } from "../differential/describe-differential.ts";

describeDifferential({
  count: Number(process.env.DIFFERENTIAL_CALLS ?? 10_000),
  seed: Number(process.env.DIFFERENTIAL_SEED ?? Date.now() % 2 ** 31),
});
