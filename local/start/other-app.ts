import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod";
import type { Assembly } from "../services/template.ts";

/** The part of a cloud assembly's manifest that names its stacks. */
const manifestSchema = z.object({
  artifacts: z.record(z.string(), z.looseObject({ type: z.string() })),
});

/**
 * Returns the stack in a directory such as `cdk.out`, into which a CDK app was synthesized.
 *
 * @throws Error unless there is exactly one stack
 */
export function readAssembly(folder: string): Assembly {
  const directory = resolve(folder);
  const file = join(directory, "manifest.json");
  if (!existsSync(file)) {
    throw new Error(`${directory} is not a synthesized app. Run npx cdk synth in the app first`);
  }
  const { artifacts } = manifestSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  const stacks = Object.entries(artifacts).flatMap(([name, { type }]) =>
    type === "aws:cloudformation:stack" ? [name] : [],
  );
  const [stackName, second] = stacks;
  if (stackName === undefined || second !== undefined) {
    throw new Error(`${directory} must have exactly one stack, but has ${stacks.length}`);
  }
  return { directory, stackName };
}
