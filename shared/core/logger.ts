/** The subset of a structured logger, such as Powertools, that the library uses. */
export interface Logger {
  /** Logs details for troubleshooting. */
  debug(message: string, ...extra: Record<string, unknown>[]): void;
  /** Logs a normal event. */
  info(message: string, ...extra: Record<string, unknown>[]): void;
  /** Logs something that may need attention. */
  warn(message: string, ...extra: Record<string, unknown>[]): void;
  /** Logs a failure. */
  error(message: string, ...extra: Record<string, unknown>[]): void;
}
