import { App } from "aws-cdk-lib";
import { OrdersStack } from "../lib/orders-stack.js";

new OrdersStack(new App(), "Orders");
