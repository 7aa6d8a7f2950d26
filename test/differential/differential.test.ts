import { describeDifferential } from "./describe-differential.ts";

describeDifferential({ count: 150, seed: Number(process.env.DIFFERENTIAL_SEED ?? 22) });
