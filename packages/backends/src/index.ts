export { BACKENDS, findBackend } from "./registry.ts";
