/** An error of an AWS service, in the form that the SDK understands. */
export class ServiceError extends Error {
  /**
   * @param code AWS's name of the error, such as `ResourceNotFoundException`
   * @param status the status of the HTTP answer
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
