import * as z from "zod";
import { NETWORK_TYPES } from "../events/ip-enrichment.ts";

/** Country filter: an ISO 3166-1 code, in upper or lower case. */
export const countryFilterSchema = z
  .string()
  .regex(/^[A-Za-z]{2}$/, "a code of two letters, such as DE")
  .transform((code) => code.toUpperCase());

/** Autonomous system filter: `64496` or `AS64496`. */
export const asnFilterSchema = z
  .string()
  .regex(/^(AS)?\d{1,10}$/i, "a number such as 64496 or AS64496")
  .transform((text) => Number(text.replace(/^AS/i, "")));

/** Network type filter. */
export const networkTypeFilterSchema = z.enum(NETWORK_TYPES);
