import * as z from "zod";
import { ORIGIN_KINDS } from "../events/origin.ts";

/** A filter by country: a code of ISO 3166-1, in any case. */
export const countryFilterSchema = z
  .string()
  .regex(/^[A-Za-z]{2}$/, "a code of two letters, such as DE")
  .transform((code) => code.toUpperCase());

/** A filter by autonomous system: `64496` or `AS64496`. */
export const asnFilterSchema = z
  .string()
  .regex(/^(AS)?\d{1,10}$/i, "a number such as 64496 or AS64496")
  .transform((text) => Number(text.replace(/^AS/i, "")));

/** A filter by what an address is used for. */
export const kindFilterSchema = z.enum(ORIGIN_KINDS);
