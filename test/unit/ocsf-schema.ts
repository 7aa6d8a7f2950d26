import * as z from "zod";
import { ocsfFaults } from "../published/ocsf-schema.ts";

/** An event that conforms to OCSF 1.8.0, by the published schema itself. */
export const ocsfEventSchema = z
  .looseObject({ class_uid: z.int() })
  .superRefine((event, context) => {
    for (const { path, message } of ocsfFaults(event)) {
      context.addIssue({ code: "custom", path: [...path], message });
    }
  });
