import { buildApp } from "./synthesize.ts";

buildApp().app.synth();
