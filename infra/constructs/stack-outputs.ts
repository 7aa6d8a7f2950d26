import { CfnOutput, Stack } from "aws-cdk-lib";
import { Construct } from "constructs";

/**
 * The stack outputs, for the CLI and administrators. Names start with the construct's path, because a stack can
 * contain several constructs. The construct `Monitoring` has the output `MonitoringEventBusName`.
 */
export class StackOutputs extends Construct {
  readonly #prefix: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const inStack = scope.node.scopes.slice(Stack.of(this).node.scopes.length);
    this.#prefix = inStack.map(({ node }) => node.id.replace(/[^A-Za-z0-9]/g, "")).join("");
  }

  /** Adds the configuration to the template's metadata, where the CLI reads it. */
  addConfig(fileText: string): void {
    Stack.of(this).addMetadata(`${this.#prefix}Config`, JSON.parse(fileText));
  }

  add(outputs: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(outputs)) {
      new CfnOutput(this, name, { value }).overrideLogicalId(`${this.#prefix}${name}`);
    }
  }
}
