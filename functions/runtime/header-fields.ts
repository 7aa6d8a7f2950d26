/** The headers of an API Gateway event. */
export interface HeaderFields {
  readonly headers?: Readonly<Record<string, string | undefined>> | null;
  readonly multiValueHeaders?: Readonly<Record<string, string[] | undefined>> | null;
}

/** Every value of a header field, whatever the case of its name. */
export function fieldValues(event: HeaderFields, name: string): string[] {
  const multiple = Object.entries(event.multiValueHeaders ?? {})
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, values]) => values ?? []);
  if (multiple.length > 0) return multiple;
  return Object.entries(event.headers ?? {})
    .filter(([key, value]) => key.toLowerCase() === name && value !== undefined)
    .map(([, value]) => value as string);
}
