import * as z from "zod";
import { findOcsfErrors } from "../published/ocsf-schema.ts";

/** Validates an event against the published OCSF 1.8.0 schema. */
export const ocsfEventSchema = z
  .looseObject({ class_uid: z.int() })
  .superRefine((event, context) => {
    for (const { path, message } of findOcsfErrors(event)) {
      context.addIssue({ code: "custom", path: [...path], message });
    }
  });
