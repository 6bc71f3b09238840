/** Program of one engine process: `node worker-main.ts CONFIGURATION`, started by the supervisor. */
import type { WorkerConfig } from "./worker-config.ts";
import { runWorker } from "./worker.ts";

process.exit(await runWorker(JSON.parse(process.argv[2]!) as WorkerConfig));
