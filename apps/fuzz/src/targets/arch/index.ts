export { createArchTarget } from "./arch-target.ts";
