export { BACKENDS, BACKEND_NAMES, findBackend } from "./registry.ts";
export { validateArchitecture } from "./validate-architecture.ts";
