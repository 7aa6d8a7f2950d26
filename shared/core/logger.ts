/** The part of a structured logger (Powertools' among others) that the library uses. */
export interface Logger {
  /** What only a search for a fault needs. */
  debug(message: string, ...extra: Record<string, unknown>[]): void;
  /** What happened. */
  info(message: string, ...extra: Record<string, unknown>[]): void;
  /** What may need attention. */
  warn(message: string, ...extra: Record<string, unknown>[]): void;
  /** What failed. */
  error(message: string, ...extra: Record<string, unknown>[]): void;
}
