import * as z from "zod";

/** An event's headers: the last value of each header, all values, or both. */
export const headerFieldsSchema = z.object({
  headers: z.record(z.string(), z.string().nullish()).nullish(),
  multiValueHeaders: z.record(z.string(), z.array(z.string()).nullish()).nullish(),
});

/** The path parameters of a route. */
export const pathParametersSchema = z.record(z.string(), z.string().nullish()).nullish();

/** The headers of an event. */
export interface HeaderFields {
  readonly headers?: Readonly<Record<string, string | null | undefined>> | null | undefined;
  readonly multiValueHeaders?:
    | Readonly<Record<string, readonly string[] | null | undefined>>
    | null
    | undefined;
}

/** Returns all values of a header, ignoring the case of its name. */
export function fieldValues(event: HeaderFields, name: string): string[] {
  const multiple = Object.entries(event.multiValueHeaders ?? {})
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, values]) => values ?? []);
  if (multiple.length > 0) return multiple;
  return Object.entries(event.headers ?? {})
    .filter(([key, value]) => key.toLowerCase() === name && typeof value === "string")
    .map(([, value]) => value as string);
}
