export { createRegionsTarget } from "./regions-target.ts";
