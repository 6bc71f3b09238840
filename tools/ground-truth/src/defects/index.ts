import type { Defect } from "../defect.ts";
import { OBJECT_DEFECTS } from "./objects.ts";

export const DEFECTS: readonly Defect[] = [...OBJECT_DEFECTS];
