export { createObjectsTarget } from "./objects-target.ts";
