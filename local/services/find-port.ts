import { createServer } from "node:net";

/** Thrown when a port is in use. The message names the setting to change. */
class PortInUseError extends Error {
  constructor(port: number, variable: string) {
    super(`port ${port} is in use. Set ${variable} to another port, or to 0 for any free port`);
    this.name = "PortInUseError";
  }
}

/**
 * Returns the port if it is free on 127.0.0.1. If the port is 0, returns any free port.
 *
 * @param variable the setting that the error names
 * @throws PortInUseError
 */
export async function findPort(port: number, variable: string): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new PortInUseError(port, variable) : error);
    });
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const found = typeof address === "object" && address ? address.port : port;
      server.close(() => resolve(found));
    });
  });
}
