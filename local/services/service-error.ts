/** An error of an AWS service, in the form that the SDK understands. */
export class ServiceError extends Error {
  /**
   * @param code AWS's error code, such as `ResourceNotFoundException`
   * @param status HTTP status of the response
   */
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message);
    this.name = "ServiceError";
  }
}
