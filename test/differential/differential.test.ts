import { describeDifferential } from "./describe-differential.ts";

describeDifferential({ count: 300, seed: Number(process.env.DIFFERENTIAL_SEED ?? 22) });
